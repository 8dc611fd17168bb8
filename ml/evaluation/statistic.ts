/** A set of metrics as a function of how often each row is taken: what resampling needs to know of them. */
import type { MetricName } from '../../domain/metrics.js';

/** How often each row is taken; 1 for all of them gives the metrics of the rows themselves. */
export type RowCounts = Uint16Array;

export interface Statistic {
  readonly metrics: readonly MetricName[];
  /** Writes the value of each metric, NaN where it is not defined. Rows are as they were given, weights included. */
  measure(counts: RowCounts, into: Float64Array): void;
}

/** Metrics of the rows as they are, each taken once. NaN for one that the statistic does not have. */
export function measureOnce(statistic: Statistic, rows: number): (metric: MetricName) => number {
  const values = new Float64Array(statistic.metrics.length);
  statistic.measure(new Uint16Array(rows).fill(1), values);
  return (metric) => values[statistic.metrics.indexOf(metric)] ?? Number.NaN;
}

/** NaN where the denominator is 0. */
export function ratioOf(numerator: number, denominator: number): number {
  return denominator === 0 ? Number.NaN : numerator / denominator;
}

/** 0 where the denominator is 0, as precision without a positive decision. */
export function shareOf(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
