/** What every trainer starts from: the pinned snapshot, the training rows, and a plan whose encodings are fitted on them. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { FrozenView, RequestField } from '../../domain/bundle.js';
import { DomainError } from '../../domain/errors.js';
import type { FeaturePlan } from '../../domain/features.js';
import { TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { fitEncodings } from '../../ml/features/plan.js';
import type { InputColumns } from '../../scoring/batch.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { frozenViewsOf, requestFieldsOf } from './bundle-parts.js';
import type { JobContext } from './context.js';
import { inputNames, type ModelRows, readAvailableRows } from './model-rows.js';

export interface TrainingInput {
  /** JSON artefact with the `TrainingSnapshot`. */
  readonly snapshot: ArtifactRef;
  /** JSON artefact with the `TrainingDataset`. */
  readonly dataset: ArtifactRef;
  /** Inputs and features of the model; encodings are fitted when the rows are read. */
  readonly plan: FeaturePlan;
  /** JSON artefact with the `SearchReport`, where a search chose the parameters. */
  readonly search?: ArtifactRef | undefined;
}

export interface TrainingParts {
  readonly snapshot: TrainingSnapshot;
  readonly dataset: TrainingDataset;
  readonly plan: FeaturePlan;
  readonly views: readonly FrozenView[];
  readonly request: readonly RequestField[];
  readonly train: ModelRows;
}

/** Reads the training part and fits the encodings. Throws `PRN_TRAINING_NO_ROWS`. */
export async function readTraining(input: TrainingInput, context: JobContext): Promise<TrainingParts> {
  const snapshot = await getJson(context.artifacts, input.snapshot, TrainingSnapshot);
  const dataset = await getJson(context.artifacts, input.dataset, TrainingDataset);
  const views = frozenViewsOf(snapshot, input.plan);
  const request = requestFieldsOf(snapshot, input.plan, views);
  const train = await readPart(context, dataset.train, { plan: input.plan, request, snapshot });
  if (train.rows === 0) throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'no row lies in the training split' });
  context.progress({ message: `${train.rows} training rows read` });
  return fittedOn({ snapshot, dataset, plan: input.plan, views, request, train }, train);
}

/** The same training on other rows, on which the encodings are fitted anew. */
export function fittedOn(parts: TrainingParts, train: ModelRows): TrainingParts {
  return { ...parts, train, plan: fitPlan(parts.plan, train.columns) };
}

/** A part with the model's inputs, and those request fields that golden rows need and the dataset holds. */
export async function readPart(
  context: JobContext,
  part: ArtifactRef,
  model: Pick<TrainingParts, 'plan' | 'request' | 'snapshot'>,
): Promise<ModelRows> {
  const rows = await readAvailableRows(context, part, {
    names: inputNames(model.plan.inputs),
    optional: model.request.map(({ name }) => name),
  });
  const { eventTime } = model.snapshot.spec.spine;
  return { ...rows, columns: { [eventTime]: BigInt64Array.from(rows.eventTs, BigInt), ...rows.columns } };
}

/** The plan with encodings of these rows. */
export function fitPlan(plan: FeaturePlan, columns: InputColumns): FeaturePlan {
  return { ...plan, encodings: fitEncodings(plan.inputs, textColumns(columns)) };
}

function textColumns(columns: InputColumns): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, data]) => (isText(data) ? [[name, data] as const] : [])),
  );
}

function isText(data: InputColumns[string]): data is readonly string[] {
  return Array.isArray(data);
}
