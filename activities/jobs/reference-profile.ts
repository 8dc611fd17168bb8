/** The profile that live windows are compared with: its frames never move again. */
import type { FeaturePlan } from '../../domain/features.js';
import type { ModelProfile } from '../../domain/model-profile.js';
import type { TaskShape } from '../../domain/task.js';
import { profilePredictions, profileReference } from '../../ml/profile/model-profile.js';
import { decisionsOf } from '../../scoring/task-scores.js';
import type { ModelRows } from './model-rows.js';

/** Profile of the rows a model was trained on: its inputs, and its predictions for them. */
export function profileTraining(
  { inputs }: FeaturePlan,
  { eventTs, columns }: Pick<ModelRows, 'eventTs' | 'columns'>,
  answers: { readonly scores: Float32Array; readonly shape: TaskShape },
): ModelProfile {
  const found = inputs.flatMap(({ name }) => {
    const data = columns[name];
    return data === undefined ? [] : [{ name, data }];
  });
  return profileReference({ inputs: found, eventTs, lags: null, predictions: profiled(answers) }, inputs);
}

/**
 * The same profile with predictions of the holdout: a model is surer of rows it was trained on, so live predictions are
 * compared with those for rows it had never seen. Inputs stay those of training, which is what the model knows.
 */
export function withHoldoutPredictions(
  profile: ModelProfile,
  answers: { readonly scores: Float32Array; readonly shape: TaskShape },
): ModelProfile {
  return { ...profile, prediction: profilePredictions(profiled(answers)) };
}

/** Of a model with classes, those it decides for; its scores otherwise. */
function profiled({ scores, shape }: { scores: Float32Array; shape: TaskShape }): Float32Array | string[] {
  if (shape.task !== 'multiclass') return scores;
  return Array.from(
    decisionsOf(scores, shape, () => 1),
    (position) => shape.classes[position] ?? '',
  );
}
