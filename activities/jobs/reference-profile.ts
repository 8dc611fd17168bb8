/** The profile that live windows are compared with: histograms with edges that never move again. */
import type { ReferenceProfile } from '../../domain/bundle.js';
import type { FeaturePlan } from '../../domain/features.js';
import { countBins, freezeEdges } from '../../ml/drift/histogram.js';
import type { ModelRows } from './model-rows.js';

const BINS = 10;

/** Profile of the rows a model was trained on: FP32 inputs, and its predictions for them. */
export function profileInputs(
  plan: FeaturePlan,
  { rows, columns }: Pick<ModelRows, 'rows' | 'columns'>,
  predictions: Float32Array,
): ReferenceProfile {
  const inputs = plan.inputs.flatMap(({ name, datatype }) => {
    const values = columns[name];
    if (datatype !== 'FP32' || !(values instanceof Float32Array)) return [];
    return [[name, countBins(values, freezeEdges(values, BINS))] as const];
  });
  return { rows, prediction: profileOf(predictions), inputs: Object.fromEntries(inputs) };
}

/**
 * The same profile with predictions of the holdout: a model is surer of rows it was trained on, so live predictions are
 * compared with those for rows it had never seen. Inputs stay those of training, which is what the model knows.
 */
export function withHoldoutPredictions(profile: ReferenceProfile, predictions: Float32Array): ReferenceProfile {
  return { ...profile, rows: predictions.length, prediction: profileOf(predictions) };
}

function profileOf(predictions: Float32Array): ReferenceProfile['prediction'] {
  return countBins(predictions, freezeEdges(predictions, BINS));
}
