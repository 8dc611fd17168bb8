/** Gates: conditions a candidate must meet, judged by pure functions from stored evidence. */
import { z } from 'zod';
import { ColumnName } from './names.js';

export const GateMetric = z.enum([
  'log_loss',
  'roc_auc',
  'accuracy',
  'precision',
  'recall',
  'brier',
  'calibration_gap',
]);
export type GateMetric = z.infer<typeof GateMetric>;

export const Against = z.union([
  z.literal('champion'),
  z.strictObject({ baseline: z.literal('rateBy'), column: ColumnName }),
]);
export type Against = z.infer<typeof Against>;

/** Confidence of the interval that is shown where a gate asks for none. */
export const SHOWN_CONFIDENCE = 0.95;

/** Better than another model on the same rows by `minImprovement`, or not worse by more than the margin. */
export const ComparisonGate = z
  .strictObject({
    metric: z.enum(['log_loss', 'roc_auc']),
    against: Against,
    minImprovement: z.number().nonnegative().optional(),
    nonInferiorityMargin: z.number().positive().optional(),
    /** Judge the one-sided lower bound at this confidence; without it the estimate itself is judged. */
    confidence: z.number().gt(0.5).lt(1).optional(),
  })
  .refine(
    (gate) => (gate.minImprovement === undefined) !== (gate.nonInferiorityMargin === undefined),
    'give either minImprovement or nonInferiorityMargin',
  );
export type ComparisonGate = z.infer<typeof ComparisonGate>;

/** A plain bound on a metric; calibration_gap is judged by its absolute value. */
export const BoundGate = z
  .strictObject({ metric: GateMetric, min: z.number().optional(), max: z.number().optional() })
  .refine((gate) => gate.min !== undefined || gate.max !== undefined, 'give min or max');
export type BoundGate = z.infer<typeof BoundGate>;

export const Gate = z.union([ComparisonGate, BoundGate]);
export type Gate = z.infer<typeof Gate>;

export const GateVerdict = z.enum(['passed', 'failed', 'no_evidence', 'not_applicable']);
export type GateVerdict = z.infer<typeof GateVerdict>;

export const GateResult = z.strictObject({
  gate: Gate,
  name: z.string(),
  verdict: GateVerdict,
  observed: z.number().nullable(),
  interval: z.strictObject({ lower: z.number(), upper: z.number(), confidence: z.number() }).nullable(),
  threshold: z.number().nullable(),
  rows: z.number().int(),
  blocks: z.number().int(),
  explanation: z.string(),
});
export type GateResult = z.infer<typeof GateResult>;

/** Improvement over the other model (positive is better) with one-sided bounds, from whole blocks of rows. */
export interface Comparison {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
  readonly blocks: number;
  readonly rows: number;
  readonly state: 'ok' | 'no_evidence';
}

export function nameOfGate(gate: Gate): string {
  if (!('against' in gate)) return `${gate.metric} within bounds`;
  const other = gate.against === 'champion' ? 'champion' : `${gate.against.baseline}(${gate.against.column})`;
  return gate.minImprovement === undefined
    ? `${gate.metric} not worse than ${other}`
    : `${gate.metric} better than ${other}`;
}

/** `comparison` is null when there is nothing to compare with: no champion yet. */
export function judgeComparison(gate: ComparisonGate, comparison: Comparison | null): GateResult {
  const name = nameOfGate(gate);
  const threshold = gate.minImprovement ?? -(gate.nonInferiorityMargin ?? 0);
  const base = { gate, name, threshold };
  if (comparison === null) {
    return {
      ...base,
      verdict: 'not_applicable',
      observed: null,
      interval: null,
      rows: 0,
      blocks: 0,
      explanation: `${name}: there is no champion yet`,
    };
  }
  const { estimate, lower, upper, blocks, rows, state } = comparison;
  if (state === 'no_evidence') {
    const observed = Number.isNaN(estimate) ? null : estimate;
    const explanation = `${name}: ${blocks} days of ${rows} rows are too few to judge by days, at least 10 are needed`;
    return { ...base, verdict: 'no_evidence', observed, interval: null, rows, blocks, explanation };
  }
  const judged = gate.confidence === undefined ? estimate : lower;
  const passed = gate.minImprovement === undefined ? judged >= threshold : judged > threshold;
  const confidence = gate.confidence ?? SHOWN_CONFIDENCE;
  const interval = { lower, upper, confidence };
  const explanation =
    `${name}: improvement ${signed(estimate)}, at least ${signed(lower)} with ${confidence * 100} % confidence over ${blocks} days; ` +
    `the ${gate.confidence === undefined ? 'estimate' : 'bound'} is ${passed ? 'above' : 'not above'} ${signed(threshold)}`;
  return { ...base, verdict: passed ? 'passed' : 'failed', observed: estimate, interval, rows, blocks, explanation };
}

export function judgeBound(gate: BoundGate, value: number, rows: number): GateResult {
  const observed = gate.metric === 'calibration_gap' ? Math.abs(value) : value;
  const tooLow = gate.min !== undefined && observed < gate.min;
  const tooHigh = gate.max !== undefined && observed > gate.max;
  const name = nameOfGate(gate);
  const bounds = [
    gate.min === undefined ? '' : `at least ${gate.min}`,
    gate.max === undefined ? '' : `at most ${gate.max}`,
  ]
    .filter((text) => text !== '')
    .join(' and ');
  return {
    gate,
    name,
    verdict: tooLow || tooHigh ? 'failed' : 'passed',
    observed,
    interval: null,
    threshold: (tooLow ? gate.min : gate.max) ?? gate.min ?? null,
    rows,
    blocks: 0,
    explanation: `${gate.metric} is ${observed.toFixed(4)}, asked for ${bounds}`,
  };
}

/** A gate without evidence is not passed. */
export function decideGates(results: readonly GateResult[]): { outcome: 'passed' | 'rejected'; reasons: string[] } {
  const refused = results.filter(({ verdict }) => verdict === 'failed' || verdict === 'no_evidence');
  return {
    outcome: refused.length === 0 ? 'passed' : 'rejected',
    reasons: refused.map(({ explanation }) => explanation),
  };
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(4)}`;
}
