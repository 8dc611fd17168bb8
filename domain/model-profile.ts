/** Profiles of what a model reads and answers: of its training rows, and of the rows it served in a window. */
import { z } from 'zod';
import { ColumnProfile, DatasetProfile } from './profile.js';
import { mergeColumns, mergeProfiles } from './profile-merge.js';

export const ModelProfile = z.strictObject({
  /** Model inputs as the graph gets them: FP32 as `float`, INT64 as `timestamp`, BYTES as `string`. */
  inputs: DatasetProfile,
  /** Probabilities of 1, decided classes, or values; those of a reference are of other rows than its inputs. */
  prediction: ColumnProfile,
});
export type ModelProfile = z.infer<typeof ModelProfile>;

/** Exact for profiles that were taken in the frames of one reference, as those of a version's windows are. */
export function mergeModelProfiles(left: ModelProfile, right: ModelProfile): ModelProfile {
  return {
    inputs: mergeProfiles(left.inputs, right.inputs),
    prediction: mergeColumns(left.prediction, right.prediction),
  };
}
