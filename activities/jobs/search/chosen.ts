/** What a search chose, for the fit on all training rows. */
import type { ArtifactRef } from '../../../domain/artifact.js';
import { type SearchLineage, SearchReport } from '../../../domain/search.js';
import type { TrainerParameters } from '../../../domain/trainer.js';
import { getJson } from '../../../store/contracts/json-artifacts.js';
import type { JobContext } from '../context.js';

interface Searched {
  readonly search?: ArtifactRef | undefined;
}

/** Null where no search was made. */
export async function chosenParameters(
  { artifacts }: Pick<JobContext, 'artifacts'>,
  { search }: Searched,
): Promise<TrainerParameters | null> {
  return search === undefined ? null : (await getJson(artifacts, search, SearchReport)).parameters;
}

/** What the trained model says of its search; nothing where there was none. */
export async function searchLineage(
  { artifacts }: Pick<JobContext, 'artifacts'>,
  { search: report }: Searched,
): Promise<{ search?: SearchLineage & { parameters: TrainerParameters } }> {
  if (report === undefined) return {};
  const { reason, parameters } = await getJson(artifacts, report, SearchReport);
  return { search: { report, reason, parameters } };
}
