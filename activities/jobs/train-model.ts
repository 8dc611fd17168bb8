/** CPU body of training: fit preprocessing, compute features with the serving graph, grow trees, write the bundle. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { Bundle, FrozenView, RequestField } from '../../domain/bundle.js';
import { DomainError } from '../../domain/errors.js';
import type { FeaturePlan } from '../../domain/features.js';
import type { TaskShape } from '../../domain/task.js';
import { isBuiltIn } from '../../domain/trainer.js';
import { TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { chooseThreshold } from '../../ml/evaluation/metrics.js';
import { categoricalFeatures, fitEncodings } from '../../ml/features/plan.js';
import { fuseModel } from '../../ml/onnx/fused-model.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { builtInTrainer, type Trainer, type TrainingData } from '../../ml/training/train.js';
import type { TrainedForm } from '../../ml/training/trained-form.js';
import type { InputColumns } from '../../scoring/batch.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { getJson, putJson } from '../json-artifacts.js';
import { bundleDigestOf, frozenViewsOf, requestFieldsOf } from './bundle-parts.js';
import type { JobContext } from './context.js';
import { fitModel } from './fit-model.js';
import { pickGoldenRows } from './golden-rows.js';
import { columnNamesOf, inputNames, type ModelRows, readModelRows } from './model-rows.js';
import { computeFeatures, scoreModel } from './model-scoring.js';
import { profileTraining } from './reference-profile.js';

export interface TrainModelInput {
  /** JSON artefact with the `TrainingSnapshot`. */
  readonly snapshot: ArtifactRef;
  /** JSON artefact with the `TrainingDataset`. */
  readonly dataset: ArtifactRef;
  /** Inputs and features of the model; encodings are fitted here. */
  readonly plan: FeaturePlan;
}

export interface TrainModelResult {
  /** JSON artefact with the `TrainedModel`. */
  readonly trained: ArtifactRef;
  readonly bundleDigest: string;
}

/** Share of the training time, at its end, on whose rows the decision threshold is chosen. */
const THRESHOLD_SHARE = 0.2;

/**
 * Trains on the training part only. The decision threshold maximises F1 over the last fifth of training time as the
 * model itself scores it; it is fused into the graph here, and evaluation does not change the graph. Same snapshot and
 * dataset, same bundle digest, also when an attempt was interrupted and this one resumed from its checkpoint.
 */
export async function trainModel(input: TrainModelInput, context: JobContext): Promise<TrainModelResult> {
  const { artifacts, progress } = context;
  const snapshot = await getJson(artifacts, input.snapshot, TrainingSnapshot);
  const dataset = await getJson(artifacts, input.dataset, TrainingDataset);
  const trainer = trainerOf(snapshot);

  const views = frozenViewsOf(snapshot, input.plan);
  const request = requestFieldsOf(snapshot, input.plan, views);
  const train = await readPart(context, dataset.train, { plan: input.plan, request, snapshot });
  if (train.rows === 0) throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'no row lies in the training split' });
  progress({ message: `${train.rows} training rows read` });
  const plan = { ...input.plan, encodings: fitEncodings(input.plan.inputs, textColumns(train.columns)) };
  const matrix = await computeFeatures(context, plan, train);
  const form = await fitModel(context, {
    key: `${input.snapshot.sha256}/${input.dataset.sha256}`,
    trainer,
    data: trainingData(plan, matrix, train),
  });
  const holdout = await readPart(context, dataset.holdout, { plan, request, snapshot });
  const bundle = await writeBundle(context, { snapshot, plan, views, request, train, holdout, form });
  const bundleDigest = bundleDigestOf(bundle, sha256Hex);
  const trained = await putJson(artifacts, { bundle, bundleDigest });
  return { trained, bundleDigest };
}

interface Trained {
  readonly snapshot: TrainingSnapshot;
  readonly plan: FeaturePlan;
  readonly views: readonly FrozenView[];
  readonly request: readonly RequestField[];
  readonly train: ModelRows;
  readonly holdout: ModelRows;
  readonly form: TrainedForm;
}

async function writeBundle(context: JobContext, trained: Trained): Promise<Bundle> {
  const { snapshot, plan, views, request, train, holdout, form } = trained;
  const { artifacts } = context;
  const shape: TaskShape = { task: 'binary', classes: [] };
  const graphWith = (decisionThreshold: number): Uint8Array =>
    encodeModel(fuseModel({ plan, form, classes: shape.classes, decisionThreshold }));
  const predictions = await scoreModel(context, { ...shape, graphs: [graphWith(0.5)] }, train);
  const decisionThreshold = thresholdOf(train, predictions);
  const graph = graphWith(decisionThreshold);
  const model = { ...shape, graphs: [graph] };
  const goldenRows = await pickGoldenRows(context, { model, plan, request, parts: [holdout, train] });
  return {
    bundleVersion: 2,
    model: snapshot.model,
    task: shape.task,
    classes: [...shape.classes],
    graphs: [await artifacts.put(graph, MEDIA_TYPES.onnx)],
    request: [...request],
    eventTime: snapshot.spec.spine.eventTime,
    views: [...views],
    plan,
    decisionThreshold,
    goldenRows: await putJson(artifacts, goldenRows),
    referenceProfile: await putJson(artifacts, profileTraining(plan, train, { scores: predictions, shape })),
  };
}

/** A part with the model's inputs, and those request fields that golden rows need and the dataset holds. */
async function readPart(
  context: JobContext,
  part: ArtifactRef,
  model: { plan: FeaturePlan; request: readonly RequestField[]; snapshot: TrainingSnapshot },
): Promise<ModelRows> {
  const available = await columnNamesOf(context, part);
  const requested = model.request.map(({ name }) => name).filter((name) => available.has(name));
  const rows = await readModelRows(context, part, [...new Set([...inputNames(model.plan.inputs), ...requested])]);
  const { eventTime } = model.snapshot.spec.spine;
  return { ...rows, columns: { [eventTime]: BigInt64Array.from(rows.eventTs, BigInt), ...rows.columns } };
}

/** Greatest F1 on the last fifth of training time; on all rows where that fifth lacks one of the classes. */
function thresholdOf(train: ModelRows, predictions: Float32Array): number {
  const first = train.eventTs[0] ?? 0;
  const last = train.eventTs.at(-1) ?? first;
  const from = train.eventTs.findIndex((time) => time >= last - (last - first) * THRESHOLD_SHARE);
  const labels = train.labels.subarray(from);
  const bothClasses = labels.includes(0) && labels.includes(1);
  return bothClasses ? chooseThreshold(predictions.subarray(from), labels) : chooseThreshold(predictions, train.labels);
}

function trainerOf({ spec: { trainer } }: TrainingSnapshot): Trainer {
  if (!isBuiltIn(trainer)) throw new TypeError(`trainer ${trainer.kind} does not run in the compute pool`);
  return builtInTrainer(trainer);
}

function trainingData(plan: FeaturePlan, matrix: Float32Array, { rows, labels, weights }: ModelRows): TrainingData {
  return {
    task: 'binary',
    classes: [],
    matrix,
    rows,
    columns: plan.features.length,
    names: plan.features.map(({ name }) => name),
    categorical: categoricalFeatures(plan),
    labels,
    ...(weights && { weights }),
  };
}

function textColumns(columns: InputColumns): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, data]) => (isText(data) ? [[name, data] as const] : [])),
  );
}

function isText(data: InputColumns[string]): data is readonly string[] {
  return Array.isArray(data);
}
