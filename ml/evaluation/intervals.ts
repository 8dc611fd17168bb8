/** Confidence intervals from resampled values: percentile, and BCa (Efron 1987) where a jackknife is at hand. */
import type { IntervalMethod } from '../../domain/metrics.js';

export interface Resampled {
  /** On the rows themselves. */
  readonly estimate: number;
  /** One value for each resample; NaN where it is not defined on one. */
  readonly draws: Float64Array;
  /** Values with one group left out in turn; null where there are too many rows for BCa to matter. */
  readonly jackknife: Float64Array | null;
}

export interface Interval {
  readonly lower: number;
  readonly upper: number;
  readonly method: IntervalMethod;
}

/** Of resamples, so many must have a value for an interval to mean something. */
const USABLE_SHARE = 0.9;

/**
 * Bounds that the value lies below and above of with probability `tail` each: 0.025 for two sides at 95 %, 0.05 for one
 * side at 95 %. Null where the estimate or too many of the resamples are not defined.
 */
export function intervalOf({ estimate, draws, jackknife }: Resampled, tail: number): Interval | null {
  const sorted = draws.filter((value) => !Number.isNaN(value)).sort();
  if (Number.isNaN(estimate) || sorted.length < USABLE_SHARE * draws.length || sorted.length === 0) return null;
  const levels = jackknife === null ? null : bcaLevels({ estimate, sorted, jackknife, tail });
  const [lower, upper] = levels ?? [tail, 1 - tail];
  return {
    lower: quantile(sorted, lower),
    upper: quantile(sorted, upper),
    method: levels === null ? 'percentile' : 'bca',
  };
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

/** Distribution function of the standard normal, absolute error below 1e-7 (Abramowitz and Stegun 26.2.17). */
export function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const upper = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z >= 0 ? 1 - upper : upper;
}

/** Its inverse, relative error below 1.2e-9 (rational approximation of Acklam 2003); ±∞ at 0 and 1. */
export function normalQuantile(share: number): number {
  if (share <= 0) return Number.NEGATIVE_INFINITY;
  if (share >= 1) return Number.POSITIVE_INFINITY;
  if (share > 0.5) return -normalQuantile(1 - share);
  if (share < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(share));
    return polynomial(TAIL_NUMERATOR, q) / (polynomial(TAIL_DENOMINATOR, q) * q + 1);
  }
  const q = share - 0.5;
  const r = q * q;
  return (q * polynomial(CENTRE_NUMERATOR, r)) / (polynomial(CENTRE_DENOMINATOR, r) * r + 1);
}

const CENTRE_NUMERATOR = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
  2.506628277459239,
];
const CENTRE_DENOMINATOR = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1,
];
const TAIL_NUMERATOR = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const TAIL_DENOMINATOR = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];

/** Highest power first. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
