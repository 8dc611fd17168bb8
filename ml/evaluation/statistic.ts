/** A set of metrics as a function of how often each row is taken: what resampling needs to know of them. */
import type { MetricName } from '../../domain/metrics.js';

/** How often each row is taken; 1 for all of them gives the metrics of the rows themselves. */
export type RowCounts = Uint16Array;

export interface Statistic {
  readonly metrics: readonly MetricName[];
  /** Writes the value of each metric, NaN where it is not defined. Rows are as they were given, weights included. */
  measure(counts: RowCounts, into: Float64Array): void;
}

/** NaN where the denominator is 0. */
export function ratioOf(numerator: number, denominator: number): number {
  return denominator === 0 ? Number.NaN : numerator / denominator;
}

/** 0 where the denominator is 0, as precision without a positive decision. */
export function shareOf(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
