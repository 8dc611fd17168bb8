/**
 * Confidence intervals from resampled values: percentile, and BCa (Efron 1987) where a jackknife is at hand; both expanded
 * for few units.
 */
import type { IntervalMethod } from '../../domain/metrics.js';
import { normalCdf, normalQuantile } from './normal.js';
import { expandedTail } from './small-samples.js';

export interface Resampled {
  /** On the rows themselves. */
  readonly estimate: number;
  /** One value for each resample; NaN where it is not defined on one. */
  readonly draws: Float64Array;
  /** Values with one group left out in turn; null where there are too many rows for BCa to matter. */
  readonly jackknife: Float64Array | null;
  /** Independent things that were drawn for each resample. */
  readonly units: number;
}

export interface Interval {
  readonly lower: number;
  readonly upper: number;
  readonly method: IntervalMethod;
}

/** Of resamples, so many must have a value for an interval to mean something. */
const USABLE_SHARE = 0.9;

/** Resamples that must lie beyond a bound at its nominal level: the order of fewer is the luck of the draws. */
const MIN_TAIL_DRAWS = 5;

/**
 * Bounds that the value lies below and above of with probability `tail` each: 0.025 for two sides at 95 %, 0.05 for one
 * side at 95 %. Null where the estimate or too many of the resamples are not defined, or where there are too few of them
 * to read so small a tail off.
 */
export function intervalOf({ estimate, draws, jackknife, units }: Resampled, tail: number): Interval | null {
  const sorted = draws.filter((value) => !Number.isNaN(value)).sort();
  if (Number.isNaN(estimate) || sorted.length < USABLE_SHARE * draws.length || sorted.length === 0) return null;
  const expanded = expandedTail(tail, units);
  if (!bearsTail(sorted.length, tail, expanded)) return null;
  const levels = jackknife === null ? null : bcaLevels({ estimate, sorted, jackknife, tail: expanded });
  const [lower, upper] = levels ?? [expanded, 1 - expanded];
  return {
    lower: quantile(sorted, lower),
    upper: quantile(sorted, upper),
    method: levels === null ? 'percentile' : 'bca',
  };
}

/** The nominal tail holds some resamples, and the expanded one does not end at the outermost of them. */
function bearsTail(draws: number, tail: number, expanded: number): boolean {
  // A tenth of the resamples may lack a value; 1 − 0.95 is a little above 0.05.
  return tail * draws >= MIN_TAIL_DRAWS * USABLE_SHARE - 1e-9 && expanded * draws >= 1;
}

/** Beyond this the resamples lie so far on one side that their order says little about the corrected levels. */
const MAX_BIAS = 1.5;

/**
 * Levels corrected for bias and skewness. Ties with the estimate count half. Null where the correction is not defined or
 * beyond what the resamples can carry.
 */
export function bcaLevels(input: {
  readonly estimate: number;
  readonly sorted: Float64Array;
  readonly jackknife: Float64Array;
  readonly tail: number;
}): [number, number] | null {
  const { estimate, sorted, jackknife, tail } = input;
  let below = 0;
  for (const value of sorted) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  const bias = normalQuantile(below / sorted.length);
  const acceleration = accelerationOf(jackknife);
  if (!(Math.abs(bias) <= MAX_BIAS) || Number.isNaN(acceleration)) return null;
  const level = (z: number): number => normalCdf(bias + (bias + z) / (1 - acceleration * (bias + z)));
  const z = normalQuantile(tail);
  return [level(z), level(-z)];
}

/** Skewness of the influence of single groups; 0 where all of them leave the value alone. */
function accelerationOf(jackknife: Float64Array): number {
  const mean = jackknife.reduce((sum, value) => sum + value, 0) / jackknife.length;
  let [squares, cubes] = [0, 0];
  for (const value of jackknife) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/** Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996). */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}
