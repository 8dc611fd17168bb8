/** The rows that trials of a search are judged on: training rows, put aside as the outer split puts the holdout aside. */
import { z } from 'zod';
import { durationMicros } from './duration.js';
import type { ModelSpec } from './model.js';
import type { InnerValidation } from './search-space.js';
import { gapMicros, type SplitBounds } from './split.js';

/** Half-open stretches of event time, microseconds, or a share by a stable hash. */
export const InnerSplit = z.union([
  z.strictObject({ by: z.literal('time'), fitTo: z.number().int(), validationFrom: z.number().int() }),
  z.strictObject({ by: z.enum(['group', 'hash']), share: z.number() }),
]);
export type InnerSplit = z.infer<typeof InnerSplit>;

/**
 * By time the last rows are put aside, and between them and the rows to fit lies the purge of the outer split, or as long as
 * labels take if that is longer. `eventTs` are the times of the training rows, ascending. By group or hash a share is put
 * aside by another hash than that of the holdout.
 */
export function innerSplit(
  { split, label, validation }: Pick<ModelSpec, 'split' | 'label'> & { readonly validation: InnerValidation },
  { trainTo }: Pick<SplitBounds, 'trainTo'>,
  eventTs: ArrayLike<number>,
): InnerSplit {
  if (!('train' in split))
    return { by: 'group' in split ? 'group' : 'hash', share: 'share' in validation ? validation.share : 0 };
  const validationFrom =
    'last' in validation
      ? trainTo - durationMicros(validation.last)
      : (eventTs[Math.floor(eventTs.length * (1 - validation.share))] ?? trainTo);
  return { by: 'time', fitTo: validationFrom - gapMicros(split, label), validationFrom };
}

export type InnerPart = 'fit' | 'validation';

/** The part of a row, or null where it lies in the purge. `draw` in [0, 1) is that of its group or key. */
export function innerPart(
  split: InnerSplit,
  row: { readonly eventTs: number; readonly draw: number },
): InnerPart | null {
  if (split.by !== 'time') return row.draw < split.share ? 'validation' : 'fit';
  if (row.eventTs >= split.validationFrom) return 'validation';
  return row.eventTs < split.fitTo ? 'fit' : null;
}

/** In words, for people who read why a trial was chosen. */
export function innerSplitText({
  split,
  validation,
}: Pick<ModelSpec, 'split'> & { validation: InnerValidation }): string {
  if ('last' in validation) return `the last ${validation.last} of the training rows`;
  const share = `${Number((validation.share * 100).toFixed(1))} %`;
  if ('group' in split) return `${share} of the groups by ${split.group}`;
  return 'hash' in split
    ? `${share} of the keys by ${split.hash.join(', ')}`
    : `the last ${share} of the training rows`;
}
