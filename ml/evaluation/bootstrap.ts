/**
 * One series of resamples for everybody who is judged on the same rows: each resample takes the same rows for challenger,
 * champion and baselines, so that a difference between two of them is paired by construction.
 */
import { MIN_BLOCKS } from '../../domain/gates.js';
import {
  improvementOf,
  directionOf,
  type EvaluationMetrics,
  type MetricEstimate,
  type MetricName,
} from '../../domain/metrics.js';
import { intervalOf, type Resampled } from './intervals.js';
import {
  createResampler,
  jackknifeGroups,
  LARGE_SAMPLE_ROWS,
  leaveOut,
  rowsOf,
  type SamplingUnit,
  unitsOf,
} from './resampling.js';
import type { Statistic } from './statistic.js';

export interface BootstrapPlan {
  readonly unit: SamplingUnit;
  readonly resamples: number;
  readonly seed: number;
  /**
   * Called after each pass over the rows, of resamples and then of the jackknife, with their number so far and in all:
   * the place to report, and to throw when asked to stop.
   */
  readonly onPass?: (done: number, passes: number) => void;
}

/** The resampled metrics of one contestant. */
export interface ResampledMetrics {
  readonly metrics: readonly MetricName[];
  of(metric: MetricName): Resampled;
  readonly rows: number;
  /** Independent things that were drawn: rows, or blocks. */
  readonly units: number;
}

/** In the order of the statistics. With fewer than ten units only the estimates are computed. */
export function bootstrap(statistics: readonly Statistic[], plan: BootstrapPlan): ResampledMetrics[] {
  const { unit } = plan;
  const rows = rowsOf(unit);
  const units = unitsOf(unit);
  const counts = new Uint16Array(rows).fill(1);
  const isEnough = units >= MIN_BLOCKS;
  const resamples = isEnough ? plan.resamples : 0;
  const groups = isEnough && rows <= LARGE_SAMPLE_ROWS ? jackknifeGroups(unit) : 0;
  const recorders = statistics.map((statistic) => createRecorder(statistic, { resamples, groups, units }));
  for (const recorder of recorders) recorder.estimate(counts);
  const resample = createResampler(unit, plan.seed);
  for (let draw = 0; draw < resamples; draw += 1) {
    resample(counts);
    for (const recorder of recorders) recorder.draw(counts, draw);
    plan.onPass?.(draw + 1, resamples + groups);
  }
  for (let group = 0; group < groups; group += 1) {
    leaveOut(unit, group, counts);
    for (const recorder of recorders) recorder.jackknife(counts, group);
    plan.onPass?.(resamples + group + 1, resamples + groups);
  }
  return recorders.map(({ of, metrics }) => ({ metrics, of, rows, units }));
}

function createRecorder(
  statistic: Statistic,
  { resamples, groups, units }: { resamples: number; groups: number; units: number },
) {
  const { metrics } = statistic;
  const values = new Float64Array(metrics.length);
  const kept = metrics.map(() => ({
    estimate: Number.NaN,
    draws: new Float64Array(resamples),
    jackknife: groups === 0 ? null : new Float64Array(groups),
    units,
  }));
  const measure = (counts: Uint16Array, keep: (position: number, value: number) => void): void => {
    statistic.measure(counts, values);
    for (const [position, value] of values.entries()) keep(position, value);
  };
  return {
    metrics,
    of: (metric: MetricName): Resampled => kept[metrics.indexOf(metric)] ?? NOTHING_RESAMPLED,
    estimate: (counts: Uint16Array) =>
      measure(counts, (position, value) => {
        Object.assign(kept[position] ?? {}, { estimate: value });
      }),
    draw: (counts: Uint16Array, draw: number) =>
      measure(counts, (position, value) => {
        kept[position]?.draws.fill(value, draw, draw + 1);
      }),
    jackknife: (counts: Uint16Array, group: number) =>
      measure(counts, (position, value) => {
        kept[position]?.jackknife?.fill(value, group, group + 1);
      }),
  };
}

/** Of a metric that was not measured. */
export const NOTHING_RESAMPLED: Resampled = {
  estimate: Number.NaN,
  draws: new Float64Array(),
  jackknife: null,
  units: 0,
};

/** Each metric with its two-sided interval. */
export function estimatesOf(resampled: ResampledMetrics, confidence: number): EvaluationMetrics {
  return Object.fromEntries(resampled.metrics.map((metric) => [metric, estimateOf(resampled.of(metric), confidence)]));
}

export function estimateOf(resampled: Resampled, confidence: number): MetricEstimate {
  const value = Number.isFinite(resampled.estimate) ? resampled.estimate : null;
  const interval = value === null ? null : intervalOf(resampled, (1 - confidence) / 2);
  if (interval === null) return { value, lower: null, upper: null, confidence, method: 'none', state: 'no_evidence' };
  return { value, ...interval, confidence, state: 'ok' };
}

/** How much better the first is than the second, resample by resample: positive is better, whichever way the metric runs. */
export function improvement(first: ResampledMetrics, second: ResampledMetrics, metric: MetricName): Resampled {
  const [mine, other] = [first.of(metric), second.of(metric)];
  const differ = (value: number, against: number | undefined): number =>
    improvementOf(metric, value, against ?? Number.NaN);
  // An absolute value has a kink at zero, where the corrections of BCa do not hold.
  const isSmooth = directionOf(metric) !== 'magnitude';
  return {
    units: mine.units,
    estimate: differ(mine.estimate, other.estimate),
    draws: mine.draws.map((value, draw) => differ(value, other.draws[draw])),
    jackknife: isSmooth
      ? (mine.jackknife?.map((value, group) => differ(value, other.jackknife?.[group])) ?? null)
      : null,
  };
}
