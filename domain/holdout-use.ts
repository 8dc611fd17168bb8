/** What the rows of a holdout were used for before: each look at them spends some of their honesty. */
import { z } from 'zod';

/** Other holdouts of the model whose event time overlaps, as those of a daily training do. */
export const HoldoutOverlap = z.strictObject({
  /** Attempts that were judged by them, other than this one. */
  attempts: z.number().int().nonnegative(),
  /** Attempts among these that came to production. */
  promotions: z.number().int().nonnegative(),
  /** Greatest share of this holdout's time that one of them covers. */
  share: z.number().min(0).max(1),
});
export type HoldoutOverlap = z.infer<typeof HoldoutOverlap>;

export const HoldoutUse = z.strictObject({
  /** Number of this attempt among all that were evaluated on these rows, from 1. */
  attempt: z.number().int().positive(),
  /** Version that reached production by these rows already; null while there is none. */
  promotedVersion: z.number().int().positive().nullable(),
  /** Absent from evidence of before it was looked for. */
  overlap: HoldoutOverlap.optional(),
});
export type HoldoutUse = z.infer<typeof HoldoutUse>;

/** Half-open, microseconds of event time. */
export interface HoldoutSpan {
  readonly from: number;
  readonly to: number;
}

/** Another holdout of the same model. */
export interface UsedHoldout {
  readonly span: HoldoutSpan;
  /** Pipelines that were judged by it. */
  readonly attempts: readonly string[];
  /** The one among them that came to production by it. */
  readonly promotedAttempt: string | null;
}

/** What others that overlap were used for, without what the attempt itself did. */
export function holdoutOverlap(
  own: HoldoutSpan & { readonly attemptId: string },
  others: readonly UsedHoldout[],
): HoldoutOverlap {
  const length = own.to - own.from;
  const common = ({ span }: UsedHoldout): number => Math.min(own.to, span.to) - Math.max(own.from, span.from);
  const overlapping = others.filter((other) => common(other) > 0);
  const without = (attempts: readonly (string | null)[]): number =>
    new Set(attempts.filter((attempt) => attempt !== null && attempt !== own.attemptId)).size;
  return {
    attempts: without(overlapping.flatMap(({ attempts }) => attempts)),
    promotions: without(overlapping.map(({ promotedAttempt }) => promotedAttempt)),
    share: overlapping.reduce((most, other) => Math.max(most, common(other) / length), 0),
  };
}

/** In words, for a gate and a card. */
export function describeHoldoutUse({ attempt, promotedVersion, overlap }: HoldoutUse, rows: number): string {
  const own =
    promotedVersion === null
      ? `attempt ${attempt} on these ${rows} rows, none of which led to production yet`
      : `version ${promotedVersion} came to production by these very rows (this is attempt ${attempt} on them): wait for newer data`;
  if (overlap === undefined || overlap.attempts === 0) return own;
  const { attempts, promotions, share } = overlap;
  return (
    `${own}; ${attempts} other ${attempts === 1 ? 'attempt' : 'attempts'}, ${promotions} of them in production, were judged by ` +
    `holdouts that overlap with it, by up to ${Math.round(100 * share)} % of its time`
  );
}
