/** CPU body of training with a built-in trainer: fit preprocessing, compute features with the serving graph, fit the model. */
import type { TaskShape } from '../../domain/task.js';
import { isBuiltIn, type TrainerParameters } from '../../domain/trainer.js';
import type { TrainingSnapshot } from '../../domain/training.js';
import { categoricalFeatures } from '../../ml/features/plan.js';
import { fuseModel } from '../../ml/onnx/fused-model.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { checkFeatureValues } from '../../ml/training/check-features.js';
import { reportFit } from '../../ml/training/fit-report.js';
import { builtInTrainer, type Trainer, type TrainingData } from '../../ml/training/train.js';
import { type FittedModel, type StoredModel, storeModel } from './bundle-writing.js';
import type { JobContext } from './context.js';
import { fitModel } from './fit-model.js';
import { computeFeatures } from './model-scoring.js';
import { type FitModel, fitByFolds } from './rolling-origin.js';
import { chosenParameters, searchLineage } from './search/chosen.js';
import { readTraining, type TrainingInput, type TrainingParts } from './training-parts.js';

/**
 * Trains on the training part only; evaluation does not change the graph. Same snapshot and dataset, same bundle digest,
 * also when an attempt was interrupted and this one resumed from its checkpoint.
 */
export async function trainModel(input: TrainingInput, context: JobContext): Promise<StoredModel> {
  const whole = await readTraining(input, context);
  const trainer = trainerOf(whole.snapshot, await chosenParameters(context, input));
  const fit: FitModel = (parts, fold) => fitParts(context, parts, { trainer, key: `${keyOf(input)}/${fold}` });
  const { parts, model } = await fitByFolds(context, whole, fit);
  return storeModel(context, parts, {
    ...model,
    lineage: { ...model.lineage, ...(await searchLineage(context, input)) },
  });
}

async function fitParts(
  context: JobContext,
  parts: TrainingParts,
  { trainer, key }: { readonly trainer: Trainer; readonly key: string },
): Promise<FittedModel> {
  const { snapshot, dataset, plan, train } = parts;
  const shape: TaskShape = { task: snapshot.spec.task, classes: dataset.classes };
  const data = trainingData(parts, shape, await computeFeatures(context, plan, train));
  // A baseline needs no feature that tells anything.
  if (trainer.kind !== 'baseline') checkFeatureValues(data);
  const form = await fitModel(context, { key, trainer, data });
  const report = reportFit(form, { plan, classes: shape.classes });
  return {
    ...shape,
    ...(report && { lineage: { fit: report } }),
    graphsWith: (decisionThreshold) => [
      encodeModel(fuseModel({ plan, form, classes: shape.classes, decisionThreshold })),
    ],
  };
}

function keyOf({ snapshot, dataset, search }: TrainingInput): string {
  return [snapshot, dataset, ...(search === undefined ? [] : [search])].map(({ sha256 }) => sha256).join('/');
}

function trainerOf({ spec: { trainer } }: TrainingSnapshot, chosen: TrainerParameters | null): Trainer {
  if (!isBuiltIn(trainer)) throw new TypeError(`trainer ${trainer.kind} does not run in the compute pool`);
  const { kind, parameters, seed } = trainer;
  return builtInTrainer({ kind, parameters: chosen ?? parameters, seed });
}

function trainingData({ plan, train }: TrainingParts, shape: TaskShape, matrix: Float32Array): TrainingData {
  const { rows, labels, weights } = train;
  return {
    ...shape,
    matrix,
    rows,
    columns: plan.features.length,
    names: plan.features.map(({ name }) => name),
    categorical: categoricalFeatures(plan),
    labels,
    ...(weights && { weights }),
  };
}
