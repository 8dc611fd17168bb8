/** Keeps the schedule of a dataset's ingestion as the dataset declares it. */
import { declaredSourceUri } from '../domain/dataset-source.js';
import { durationMs } from '../domain/duration.js';
import type { ResourceOf } from '../domain/resources.js';
import type { ApiDependencies } from './dependencies.js';

/** Makes, changes or removes the schedule. Asks Temporal nothing for a dataset that never had one. */
export async function applySchedule(
  dependencies: ApiDependencies,
  { metadata: { name }, spec }: ResourceOf<'Dataset'>,
  actor: string,
): Promise<void> {
  const sourceUri = declaredSourceUri(name, spec);
  if (spec.schedule === undefined || sourceUri === null) return dropSchedule(dependencies, name);
  const plan = { sourceUri, everyMs: durationMs(spec.schedule.every), requestedBy: `schedule of ${actor}` };
  await dependencies.workflows.scheduleIngestion(name, plan);
}

export async function dropSchedule({ stores, workflows }: ApiDependencies, dataset: string): Promise<void> {
  const revisions = await stores.resources.revisions('Dataset', dataset);
  const had = revisions.some(({ resource }) => resource.kind === 'Dataset' && resource.spec.schedule !== undefined);
  if (had) await workflows.scheduleIngestion(dataset, null);
}
