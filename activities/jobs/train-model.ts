/** CPU body of training with a built-in trainer: fit preprocessing, compute features with the serving graph, grow trees. */
import { DomainError } from '../../domain/errors.js';
import { GbdtParameters } from '../../domain/gbdt-parameters.js';
import type { TrainingSnapshot } from '../../domain/training.js';
import { fuseBinaryModel } from '../../ml/onnx/ensemble-graph.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { boostInSlices } from './boost-in-slices.js';
import { type StoredModel, storeModel } from './bundle-writing.js';
import type { JobContext } from './context.js';
import { computeFeatures } from './model-scoring.js';
import { readTraining, type TrainingInput } from './training-parts.js';

/**
 * Trains on the training part only; evaluation does not change the graph. Same snapshot and dataset, same bundle digest,
 * also when an attempt was interrupted and this one resumed from its checkpoint.
 */
export async function trainModel(input: TrainingInput, context: JobContext): Promise<StoredModel> {
  const parts = await readTraining(input, context);
  const { snapshot, plan, train } = parts;
  const parameters = parseParameters(snapshot);
  const matrix = await computeFeatures(context, plan, train);
  const ensemble = await boostInSlices(context, {
    key: `${input.snapshot.sha256}/${input.dataset.sha256}`,
    training: {
      matrix,
      rows: train.rows,
      columns: plan.features.length,
      labels: train.labels,
      parameters,
      seed: snapshot.spec.trainer.seed,
    },
  });
  return storeModel(context, parts, {
    task: 'binary',
    classes: [],
    graphsWith: (decisionThreshold) => [encodeModel(fuseBinaryModel({ plan, ensemble, decisionThreshold }))],
  });
}

function parseParameters(snapshot: TrainingSnapshot): GbdtParameters {
  const parsed = GbdtParameters.safeParse(snapshot.spec.trainer.parameters);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DomainError('PRN_TRAINING_INVALID_PARAMETER', {
    parameter: issue?.path.join('.') || 'object',
    expected: `as in the list of gbdt parameters (${issue?.message ?? 'invalid'})`,
    got: JSON.stringify(snapshot.spec.trainer.parameters),
  });
}
