/** Where training and holdout lie: in event time, given a moment of knowledge, or by a stable hash. */
import { z } from 'zod';
import { Duration, durationMicros } from './duration.js';
import { ColumnName } from './names.js';
import { floorTo, micros, MICROS_PER_DAY, MICROS_PER_HOUR, parseIso } from './time.js';

/** Rows drawn by a stable hash where a part is larger; whole parts otherwise. */
const SplitSample = z.strictObject({ train: z.number().int().positive(), holdout: z.number().int().positive() });

const ANY_SPLIT = {
  /** First event time used, ISO 8601. */
  from: z.iso.datetime({ offset: true }).optional(),
  sample: SplitSample.optional(),
};

/** The holdout is the last stretch of event time: what every model that meets a moving world should be judged on. */
export const TimeSplit = z.strictObject({
  /** `expanding`: all rows since `from`; or the last stretch before the holdout. */
  train: z.union([z.literal('expanding'), z.strictObject({ trailing: Duration })]).default('expanding'),
  /** Gap between training rows and holdout; never shorter than labels take to become known. */
  purge: Duration.default('1d'),
  holdout: Duration,
  /** Rolling origin: so many holdouts in a row, each judged by a model that was trained on what came before it. */
  folds: z.number().int().min(1).max(12).default(1),
  ...ANY_SPLIT,
});
export type TimeSplit = z.infer<typeof TimeSplit>;

/** Share of the groups or keys that are held out. */
const HoldoutShare = z.number().gt(0).lte(0.5);

/** Whole groups go to one side by a stable hash: a group that was once held out always is. */
export const GroupSplit = z.strictObject({ group: ColumnName, holdout: HoldoutShare, ...ANY_SPLIT });
export type GroupSplit = z.infer<typeof GroupSplit>;

/** Rows go to one side by a stable hash of the key columns. */
export const HashSplit = z.strictObject({ hash: z.array(ColumnName).min(1), holdout: HoldoutShare, ...ANY_SPLIT });
export type HashSplit = z.infer<typeof HashSplit>;

export const SplitSpec = z.union([TimeSplit, GroupSplit, HashSplit]);
export type SplitSpec = z.infer<typeof SplitSpec>;

/** Columns of the spine by which rows are put on a side; none where event time decides. */
export function splitColumns(split: SplitSpec): readonly string[] {
  if ('group' in split) return [split.group];
  return 'hash' in split ? split.hash : [];
}

/** Half-open intervals of event time, microseconds; the holdout is that of all folds together. */
export const SplitBounds = z.strictObject({
  trainFrom: z.number().int(),
  trainTo: z.number().int(),
  holdoutFrom: z.number().int(),
  holdoutTo: z.number().int(),
});
export type SplitBounds = z.infer<typeof SplitBounds>;

export interface SplitSource {
  readonly split: SplitSpec;
  readonly label: { readonly availableAfter: Duration };
}

/**
 * By time the holdout ends at the last whole day (or hour, for holdouts under a day) whose labels were all known at
 * `asOf`; training ends `purge` before it begins, or as long as labels take if that is longer, so that the model could
 * have been trained when the holdout began. Other splits take both parts from all whole days with known labels.
 * `earliest` is the first event time of the spine. Microseconds throughout.
 */
export function splitBounds({ split, label }: SplitSource, asOf: number, earliest: number): SplitBounds {
  const labelDelay = durationMicros(label.availableAfter);
  const known = micros(asOf - labelDelay);
  const from = split.from === undefined ? earliest : Math.max(earliest, parseIso(split.from));
  if (!('train' in split)) {
    const to = floorTo(known, stepOf(split));
    return { trainFrom: from, trainTo: to, holdoutFrom: from, holdoutTo: to };
  }
  const holdoutTo = floorTo(known, stepOf(split));
  const holdoutFrom = holdoutTo - durationMicros(split.holdout) * split.folds;
  const trainTo = holdoutFrom - gapMicros(split, label);
  const trainFrom = split.train === 'expanding' ? from : Math.max(from, trainTo - durationMicros(split.train.trailing));
  return { trainFrom, trainTo, holdoutFrom, holdoutTo };
}

/** The first moment at which {@link splitBounds} leaves out no row up to the event time `last`. Microseconds. */
export function momentOfLabels({ split, label }: SplitSource, last: number): number {
  const step = stepOf(split);
  return floorTo(micros(last), step) + step + durationMicros(label.availableAfter);
}

/** Parts end at whole days; at whole hours where less than a day is held out. */
function stepOf(split: SplitSpec): number {
  return 'train' in split && durationMicros(split.holdout) < MICROS_PER_DAY ? MICROS_PER_HOUR : MICROS_PER_DAY;
}

/** One holdout of a rolling origin and the training before it; half-open, microseconds. */
export interface Fold {
  readonly trainFrom: number;
  readonly trainTo: number;
  readonly from: number;
  readonly to: number;
}

/** The folds of a split by time in order of time: one, unless it asks for more. Other splits have none. */
export function foldsOf({ split, label }: SplitSource, { trainFrom, holdoutFrom }: SplitBounds): Fold[] {
  if (!('train' in split)) return [];
  const length = durationMicros(split.holdout);
  return Array.from({ length: split.folds }, (_unused, index) => {
    const from = holdoutFrom + index * length;
    const trainTo = from - gapMicros(split, label);
    const trailing = split.train === 'expanding' ? trainFrom : trainTo - durationMicros(split.train.trailing);
    return { trainFrom: Math.max(trainFrom, trailing), trainTo, from, to: from + length };
  });
}

/** Between rows to learn from and rows to judge on: the purge, or as long as labels take if that is longer. */
export function gapMicros({ purge }: TimeSplit, { availableAfter }: SplitSource['label']): number {
  return Math.max(durationMicros(purge), durationMicros(availableAfter));
}
