/** Gates: conditions a candidate must meet. A result is data, and its verdict follows from it by pure functions. */
import { z } from 'zod';
import { directionOf, MetricName } from './metrics.js';
import { ColumnName } from './names.js';

/** What a model must beat to be worth its trouble, fitted on training rows alone. */
export const Baseline = z
  .strictObject({
    /**
     * `majority`: shares of the classes. `mean`, `median`: of the labels. `last`: the last label in time, of each value of
     * `column` if that is named. `seasonal`: mean label (or shares of the classes) by hour and weekday of the event, UTC.
     * `rateBy`: the same by value of `column`.
     */
    baseline: z.enum(['majority', 'mean', 'median', 'last', 'seasonal', 'rateBy']),
    /** A feature or an input of the model. */
    column: ColumnName.optional(),
  })
  .refine(({ baseline, column }) => baseline !== 'rateBy' || column !== undefined, 'rateBy needs a column')
  .refine(
    ({ baseline, column }) => column === undefined || baseline === 'rateBy' || baseline === 'last',
    'only rateBy and last take a column',
  );
export type Baseline = z.infer<typeof Baseline>;

/** Name under which a baseline is kept and shown. */
export function baselineName({ baseline, column }: Baseline): string {
  return column === undefined ? baseline : `${baseline}(${column})`;
}

export const Against = z.union([z.literal('champion'), Baseline]);
export type Against = z.infer<typeof Against>;

/** Confidence of the interval that is shown where a gate asks for none. */
export const SHOWN_CONFIDENCE = 0.95;

/** Fewer days, groups or rows than this leave nothing to resample honestly. */
export const MIN_BLOCKS = 10;

const Confidence = z.number().gt(0.5).lt(1);

/** Better than another model on the same rows by `minImprovement`, or not worse by more than the margin. */
export const ComparisonGate = z
  .strictObject({
    metric: MetricName,
    against: Against,
    minImprovement: z.number().nonnegative().optional(),
    nonInferiorityMargin: z.number().positive().optional(),
    /** Judge the one-sided lower bound at this confidence; without it the estimate itself is judged. */
    confidence: Confidence.optional(),
  })
  .refine(
    (gate) => (gate.minImprovement === undefined) !== (gate.nonInferiorityMargin === undefined),
    'give either minImprovement or nonInferiorityMargin',
  )
  .refine(({ metric }) => directionOf(metric) !== 'none', 'this metric has no better or worse');
export type ComparisonGate = z.infer<typeof ComparisonGate>;

const BOUNDS = { min: z.number().optional(), max: z.number().optional() };

/** A plain bound on a metric; one whose best value is zero is judged by its absolute value. */
export const BoundGate = z
  .strictObject({
    metric: MetricName,
    ...BOUNDS,
    /** Judge the one-sided bound that is nearer to failing at this confidence; without it the estimate itself. */
    confidence: Confidence.optional(),
  })
  .refine((gate) => gate.min !== undefined || gate.max !== undefined, 'give min or max');
export type BoundGate = z.infer<typeof BoundGate>;

/** The same for every value of a column; the worst one decides. */
export const SliceGate = z
  .strictObject({
    slice: ColumnName,
    metric: MetricName,
    ...BOUNDS,
    /** Values with fewer rows are not judged. */
    minRows: z.number().int().positive().default(100),
    confidence: Confidence.optional(),
  })
  .refine((gate) => (gate.min === undefined) !== (gate.max === undefined), 'give either min or max');
export type SliceGate = z.infer<typeof SliceGate>;

export const Gate = z.union([ComparisonGate, BoundGate, SliceGate]);
export type Gate = z.infer<typeof Gate>;

/** Conditions that nobody has to declare. */
export const BuiltInGate = z.strictObject({ check: z.enum(['leakage', 'holdout_use']) });
export type BuiltInGate = z.infer<typeof BuiltInGate>;

export const GateVerdict = z.enum(['passed', 'failed', 'no_evidence', 'not_applicable']);
export type GateVerdict = z.infer<typeof GateVerdict>;

export const GateResult = z.strictObject({
  gate: z.union([Gate, BuiltInGate]),
  name: z.string(),
  verdict: GateVerdict,
  /** Whether there was enough to judge: see {@link verdictOf}. */
  state: z.enum(['ok', 'no_evidence', 'not_applicable']),
  observed: z.number().nullable(),
  /** One-sided bounds, each at the confidence. */
  interval: z.strictObject({ lower: z.number(), upper: z.number(), confidence: z.number() }).nullable(),
  threshold: z.number().nullable(),
  rows: z.number().int().nonnegative(),
  /** Independent units the interval rests on: days, groups, or rows. 0 where there is none. */
  blocks: z.number().int().nonnegative(),
  /** Value of the slice that decided, of a gate over slices. */
  slice: z.string().optional(),
  explanation: z.string(),
});
export type GateResult = z.infer<typeof GateResult>;

/** What was seen, before it is judged. NaN where something is not defined, or too little is there to say. */
export interface Observation {
  readonly estimate: number;
  /** One-sided bounds. */
  readonly lower: number;
  readonly upper: number;
  readonly rows: number;
  readonly blocks: number;
  /** What a block is. */
  readonly unit: 'day' | 'group' | 'row';
}

export function nameOfGate(gate: Gate | BuiltInGate): string {
  if ('check' in gate) return gate.check === 'leakage' ? 'no leakage' : 'holdout not used up';
  if ('slice' in gate) return `${gate.metric} of each ${gate.slice}`;
  if (!('against' in gate)) return `${gate.metric} within bounds`;
  const other = gate.against === 'champion' ? 'champion' : baselineName(gate.against);
  return gate.minImprovement === undefined
    ? `${gate.metric} not worse than ${other}`
    : `${gate.metric} better than ${other}`;
}

/**
 * What a gate judges of the numbers: the bounds where it names a confidence, else the estimate alone. Null where that is
 * not there.
 */
export function judgedRange(
  { confidence }: { readonly confidence?: number | undefined },
  { observed, interval }: Pick<GateResult, 'observed' | 'interval'>,
): { readonly least: number; readonly most: number } | null {
  if (observed === null) return null;
  if (confidence === undefined) return { least: observed, most: observed };
  return interval === null ? null : { least: interval.lower, most: interval.upper };
}

/**
 * The verdict of a result, from its own fields: what a stored result says can be checked at any time. Where a gate names
 * a confidence, the bound nearer to failing is judged in place of the estimate.
 */
export function verdictOf(
  result: Pick<GateResult, 'gate' | 'state' | 'observed' | 'interval' | 'threshold'>,
): GateVerdict {
  const { gate, state, threshold } = result;
  if (state !== 'ok') return state;
  const range = judgedRange('check' in gate ? {} : gate, result);
  if (range === null) return 'no_evidence';
  const { least, most } = range;
  if ('check' in gate) return most <= (threshold ?? 0) ? 'passed' : 'failed';
  if ('against' in gate) {
    if (gate.minImprovement !== undefined) return least > gate.minImprovement ? 'passed' : 'failed';
    return least >= -(gate.nonInferiorityMargin ?? 0) ? 'passed' : 'failed';
  }
  const tooLow = gate.min !== undefined && least < gate.min;
  const tooHigh = gate.max !== undefined && most > gate.max;
  return tooLow || tooHigh ? 'failed' : 'passed';
}

/** A gate without evidence is not passed. */
export function decideGates(results: readonly GateResult[]): { outcome: 'passed' | 'rejected'; reasons: string[] } {
  const refused = results.filter((result) => ['failed', 'no_evidence'].includes(verdictOf(result)));
  return {
    outcome: refused.length === 0 ? 'passed' : 'rejected',
    reasons: refused.map(({ explanation }) => explanation),
  };
}
