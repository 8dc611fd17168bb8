/**
 * All metrics of a binary model in one pass over the rows by descending probability. The pass costs the same for any
 * counts, so a thousand resamples of a million rows need one sort and no copy of the rows.
 */
import type { CalibrationBin } from '../../domain/evaluation-details.js';
import { TASK_METRICS } from '../../domain/metrics.js';
import { type BinarySums, LIFT_SHARE, passOver, type SortedRows } from './binary-pass.js';
import type { DecisionCosts } from '../../domain/evaluation.js';
import { ascendingOrder, logLossOf } from './metrics.js';
import { ratioOf, shareOf, type Statistic } from './statistic.js';

/** Bins of equal numbers of rows for the expected calibration error; equal probabilities share a bin. */
const CALIBRATION_BINS = 10;

export interface BinaryRows {
  readonly probabilities: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly weights?: Float32Array | undefined;
  /** Probability at or above which the decision is 1. */
  readonly threshold: number;
  readonly costs?: DecisionCosts | undefined;
}

/**
 * ROC AUC counts ties half. PR AUC is the average precision, without interpolation. KS is the greatest difference of true
 * and false positive rate. Precision without a positive decision and recall without a positive row are 0. The best
 * threshold has the greatest F1 on the rows, or the least cost where costs are given. Cost is the mean of a row.
 */
export function binaryStatistic(rows: BinaryRows): Statistic {
  const sorted = sortRows(rows);
  const metrics = TASK_METRICS.binary.filter((metric) => metric !== 'cost' || rows.costs !== undefined);
  return {
    metrics,
    measure(counts, into) {
      const values = valuesOf(passOver(sorted, counts, rows.costs), rows.costs);
      for (const [position, metric] of metrics.entries()) into[position] = values[metric];
    },
  };
}

function sortRows({ probabilities, labels, weights, threshold }: BinaryRows): SortedRows {
  const order = ascendingOrder(probabilities);
  const isSorted = order.every((row, position) => row === position);
  const sorted = Float32Array.from(order, (row) => probabilities[row] as number);
  const isFirst = new Uint8Array(order.length);
  for (let position = 0; position < order.length; position += 1)
    isFirst[position] = position === 0 || sorted[position] !== sorted[position - 1] ? 1 : 0;
  const cut = sorted.findIndex((probability) => probability >= Math.fround(threshold));
  return {
    order: isSorted ? null : order,
    probabilities: sorted,
    labels: Uint8Array.from(order, (row) => (labels[row] === 1 ? 1 : 0)),
    weights: weights === undefined ? null : Float32Array.from(order, (row) => weights[row] as number),
    losses: Float64Array.from(order, (row) => logLossOf(probabilities[row] as number, labels[row] as number)),
    isFirst,
    bins: binStarts(isFirst),
    cut: cut === -1 ? order.length : cut,
  };
}

function binStarts(isFirst: Uint8Array): Uint32Array {
  const starts = Uint32Array.from({ length: CALIBRATION_BINS + 1 }, (_unused, bin) =>
    Math.floor((bin * isFirst.length) / CALIBRATION_BINS),
  );
  return starts.map((start, bin) => {
    if (bin === CALIBRATION_BINS) return start;
    let position = start;
    while (position < isFirst.length && isFirst[position] === 0) position += 1;
    return position;
  });
}

function valuesOf(
  sums: BinarySums,
  costs: DecisionCosts | undefined,
): Record<(typeof TASK_METRICS.binary)[number], number> {
  const { total, positives, truePositive, falsePositive } = sums;
  const negatives = total - positives;
  const bothClasses = positives > 0 && negatives > 0;
  const pairs = bothClasses ? positives * negatives : 0;
  const defined = total > 0 ? 1 : Number.NaN;
  return {
    roc_auc: ratioOf(sums.orderedPairs, pairs),
    pr_auc: ratioOf(sums.averagePrecision, positives),
    log_loss: ratioOf(sums.loss, total),
    brier: ratioOf(sums.squared, total),
    accuracy: ratioOf(truePositive + negatives - falsePositive, total),
    precision: defined * shareOf(truePositive, truePositive + falsePositive),
    recall: defined * shareOf(truePositive, positives),
    f1: defined * shareOf(2 * truePositive, positives + truePositive + falsePositive),
    calibration_gap: ratioOf(sums.gap, total),
    expected_calibration_error: ratioOf(sums.absoluteGap, total),
    ks: ratioOf(sums.separation, pairs),
    lift: ratioOf(sums.positivesInTop, positives * LIFT_SHARE),
    cost: costs === undefined ? Number.NaN : ratioOf(costOf(costs, sums), total),
    best_threshold: sums.bestThreshold,
    base_rate: ratioOf(positives, total),
  };
}

function costOf(costs: DecisionCosts, { total, positives, truePositive, falsePositive }: BinarySums): number {
  return (
    costs.truePositive * truePositive +
    costs.falsePositive * falsePositive +
    costs.falseNegative * (positives - truePositive) +
    costs.trueNegative * (total - positives - falsePositive)
  );
}

/** Mean prediction and share of positives, by weight, of the bins that the expected calibration error is taken over. */
export function calibrationBins(rows: Omit<BinaryRows, 'threshold' | 'costs'>): CalibrationBin[] {
  const { probabilities, labels, weights, bins } = sortRows({ ...rows, threshold: 1 });
  return Array.from({ length: CALIBRATION_BINS }, (_unused, bin): CalibrationBin[] => {
    const [from, to] = [bins[bin] as number, bins[bin + 1] as number];
    let [total, predicted, observed] = [0, 0, 0];
    for (let position = from; position < to; position += 1) {
      const weight = weights?.[position] ?? 1;
      total += weight;
      predicted += weight * (probabilities[position] as number);
      observed += weight * (labels[position] as number);
    }
    return total === 0 ? [] : [{ predicted: predicted / total, observed: observed / total, rows: to - from }];
  }).flat();
}

/** Decisions at a threshold, counted by weight. */
export interface Confusion {
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly trueNegative: number;
  readonly falseNegative: number;
}

export function confusionOf({ probabilities, labels, weights, threshold }: BinaryRows): Confusion {
  const counts = { truePositive: 0, falsePositive: 0, trueNegative: 0, falseNegative: 0 };
  for (const [row, probability] of probabilities.entries()) {
    const decided = probability >= Math.fround(threshold);
    const cell =
      labels[row] === 1 ? (decided ? 'truePositive' : 'falseNegative') : decided ? 'falsePositive' : 'trueNegative';
    counts[cell] += weights?.[row] ?? 1;
  }
  return counts;
}
