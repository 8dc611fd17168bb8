/** Where training and holdout lie: in event time, given a moment of knowledge, or by a stable hash. */
import { z } from 'zod';
import { Duration, durationMicros } from './duration.js';
import { floorTo, micros, MICROS_PER_DAY, MICROS_PER_HOUR, parseIso } from './time.js';

export const SplitSpec = z.strictObject({
  /** `expanding`: all rows since `from`; or the last stretch before the holdout. */
  train: z.union([z.literal('expanding'), z.strictObject({ trailing: Duration })]).default('expanding'),
  /** First event time used for training, ISO 8601. */
  from: z.iso.datetime({ offset: true }).optional(),
  /** Gap between training rows and holdout, so that labels known late cannot leak. */
  purge: Duration.default('1d'),
  holdout: Duration,
  /** Rows drawn by a stable hash where a part is larger; whole parts otherwise. */
  sample: z.strictObject({ train: z.number().int().positive(), holdout: z.number().int().positive() }).optional(),
});
export type SplitSpec = z.infer<typeof SplitSpec>;

/** Half-open intervals of event time, microseconds. */
export const SplitBounds = z.strictObject({
  trainFrom: z.number().int(),
  trainTo: z.number().int(),
  holdoutFrom: z.number().int(),
  holdoutTo: z.number().int(),
});
export type SplitBounds = z.infer<typeof SplitBounds>;

/**
 * The holdout ends at the last whole day (or hour, for holdouts under a day) whose labels were all known at `asOf`;
 * training ends `purge` before it begins. `earliest` is the first event time of the spine. Microseconds throughout.
 */
export function splitBounds(
  spec: { readonly split: SplitSpec; readonly label: { readonly availableAfter: Duration } },
  asOf: number,
  earliest: number,
): SplitBounds {
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
