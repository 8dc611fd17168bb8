/** Where training and holdout lie in event time, given a moment of knowledge. */
import { durationMicros } from './duration.js';
import type { ModelSpec } from './model.js';
import { floorTo, micros, MICROS_PER_DAY, MICROS_PER_HOUR, parseIso } from './time.js';
import type { SplitBounds } from './training.js';

/**
 * The holdout ends at the last whole day (or hour, for holdouts under a day) whose labels were all known at `asOf`;
 * training ends `purge` before it begins. `earliest` is the first event time of the spine. Microseconds throughout.
 */
export function splitBounds(spec: Pick<ModelSpec, 'split' | 'label'>, asOf: number, earliest: number): SplitBounds {
  const holdout = durationMicros(spec.split.holdout);
  const grain = holdout >= MICROS_PER_DAY ? MICROS_PER_DAY : MICROS_PER_HOUR;
  const holdoutTo = floorTo(micros(asOf - durationMicros(spec.label.availableAfter)), grain);
  const holdoutFrom = holdoutTo - holdout;
  const trainTo = holdoutFrom - durationMicros(spec.split.purge);
  const from = spec.split.from === undefined ? earliest : Math.max(earliest, parseIso(spec.split.from));
  const trailing =
    spec.split.train === 'expanding' ? from : Math.max(from, trainTo - durationMicros(spec.split.train.trailing));
  return { trainFrom: trailing, trainTo, holdoutFrom, holdoutTo };
}
