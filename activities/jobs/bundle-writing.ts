/** From a fitted model to its bundle: threshold, graphs, golden rows and the profile that live windows are compared with. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import type { TaskShape } from '../../domain/task.js';
import type { TrainedModel } from '../../domain/training.js';
import { chooseThreshold } from '../../ml/evaluation/decision-threshold.js';
import type { DecisionCosts } from '../../domain/evaluation.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { putJson } from '../../store/contracts/json-artifacts.js';
import { bundleDigestOf } from './bundle-parts.js';
import type { JobContext } from './context.js';
import { putFloats } from './float-artifacts.js';
import { pickGoldenRows } from './golden-rows.js';
import type { ModelRows } from './model-rows.js';
import { scoreModel } from './model-scoring.js';
import { profileTraining } from './reference-profile.js';
import { readPart, type TrainingParts } from './training-parts.js';

/** A model that only lacks its threshold. */
export interface FittedModel extends TaskShape {
  /** The graphs of the bundle, in order, with this threshold inside. */
  readonly graphsWith: (decisionThreshold: number) => readonly [Uint8Array, ...Uint8Array[]];
  /** Looks at scores before anything is stored; throws for a model that cannot be used. `of` says of which rows they are. */
  readonly checkScores?: (scores: ArrayLike<number>, of: string) => void;
  /** Who fitted it where that was not here, who chose its parameters, and what it owes to its features. */
  readonly lineage?: Pick<TrainedModel, 'trainer' | 'search' | 'fit'>;
  /** Of a rolling origin: scores of the holdout, row-major, by the model of each fold. */
  readonly foldScores?: Float32Array;
}

export interface StoredModel {
  /** JSON artefact with the `TrainedModel`. */
  readonly trained: ArtifactRef;
  readonly bundleDigest: string;
}

/** Share of the training time, at its end, on whose rows the decision threshold is chosen. */
const THRESHOLD_SHARE = 0.2;
/** What a bundle without two outcomes says. */
const NO_THRESHOLD = 0.5;

/**
 * Stores the bundle. The threshold of a binary model maximises F1 over the last fifth of training time as the model
 * itself scores it, or minimises the costs that the model declares; it is inside the graphs from here on.
 */
export async function storeModel(context: JobContext, parts: TrainingParts, model: FittedModel): Promise<StoredModel> {
  const bundle = await writeBundle(context, parts, model);
  const bundleDigest = bundleDigestOf(bundle, sha256Hex);
  const { lineage, foldScores } = model;
  const trained: TrainedModel = {
    bundle,
    bundleDigest,
    ...lineage,
    ...(foldScores && { foldScores: await putFloats(context.artifacts, foldScores) }),
  };
  return { trained: await putJson(context.artifacts, trained), bundleDigest };
}

async function writeBundle(context: JobContext, parts: TrainingParts, model: FittedModel): Promise<Bundle> {
  const { snapshot, dataset, plan, views, request, train } = parts;
  const { artifacts } = context;
  const shape: TaskShape = { task: model.task, classes: model.classes };
  const unfinished = model.graphsWith(NO_THRESHOLD);
  const predictions = await scoreModel(context, { ...shape, graphs: unfinished }, train);
  model.checkScores?.(predictions, 'training part');
  const decisionThreshold =
    shape.task === 'binary' ? thresholdOf(train, predictions, snapshot.spec.evaluation.costs) : NO_THRESHOLD;
  const graphs = decisionThreshold === NO_THRESHOLD ? unfinished : model.graphsWith(decisionThreshold);
  const holdout = await readPart(context, dataset.holdout, parts);
  const goldenRows = await pickGoldenRows(context, {
    model: { ...shape, graphs },
    plan,
    request,
    parts: [holdout, train],
  });
  model.checkScores?.(goldenRows.scores, 'golden rows');
  const [first, ...others] = graphs;
  const keep = (graph: Uint8Array): Promise<ArtifactRef> => artifacts.put(graph, MEDIA_TYPES.onnx);
  return {
    bundleVersion: 2,
    model: snapshot.model,
    task: shape.task,
    classes: [...shape.classes],
    graphs: [await keep(first), ...(await Promise.all(others.map(keep)))],
    request: [...request],
    eventTime: snapshot.spec.spine.eventTime,
    views: [...views],
    plan,
    decisionThreshold,
    goldenRows: await putJson(artifacts, goldenRows),
    referenceProfile: await putJson(artifacts, profileTraining(plan, train, { scores: predictions, shape })),
  };
}

/** Chosen on the last fifth of training time; on all rows where that fifth lacks one of the classes. */
function thresholdOf(
  { eventTs, labels, weights }: ModelRows,
  probabilities: Float32Array,
  costs: DecisionCosts | undefined,
): number {
  const first = eventTs[0] ?? 0;
  const last = eventTs.at(-1) ?? first;
  const from = eventTs.findIndex((time) => time >= last - (last - first) * THRESHOLD_SHARE);
  const late = {
    probabilities: probabilities.subarray(from),
    labels: labels.subarray(from),
    weights: weights?.subarray(from),
  };
  const bothClasses = late.labels.includes(0) && late.labels.includes(1);
  return chooseThreshold({ ...(bothClasses ? late : { probabilities, labels, weights }), costs });
}
