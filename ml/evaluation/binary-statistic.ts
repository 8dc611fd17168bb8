/**
 * All metrics of a binary model in one pass over the rows by descending probability. The pass costs the same for any
 * counts, so a thousand resamples of a million rows need one sort and no copy of the rows.
 */
import { TASK_METRICS } from '../../domain/metrics.js';
import { ascendingOrder, type DecisionCosts, logLossOf } from './metrics.js';
import { ratioOf, type RowCounts, shareOf, type Statistic } from './statistic.js';

/** Bins of equal numbers of rows for the expected calibration error; equal probabilities share a bin. */
export const CALIBRATION_BINS = 10;
/** Lift is read at this share of the rows, those with the highest probabilities. */
export const LIFT_SHARE = 0.1;

export interface BinaryRows {
  readonly probabilities: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly weights?: Float32Array | undefined;
  /** Probability at or above which the decision is 1. */
  readonly threshold: number;
  readonly costs?: DecisionCosts | undefined;
}

/** Rows ascending by probability, and what a pass needs of each. */
interface SortedRows {
  readonly order: Uint32Array;
  readonly probabilities: Float32Array;
  readonly labels: Uint8Array;
  readonly weights: Float32Array | null;
  readonly losses: Float64Array;
  /** 1 where a run of equal probabilities begins. */
  readonly isFirst: Uint8Array;
  /** First position of each calibration bin, and the number of rows at the end. */
  readonly bins: Uint32Array;
  /** First position whose decision is 1. */
  readonly cut: number;
}

/** Sums of one pass. */
interface Pass {
  total: number;
  positives: number;
  truePositive: number;
  falsePositive: number;
  loss: number;
  squared: number;
  gap: number;
  absoluteGap: number;
  orderedPairs: number;
  averagePrecision: number;
  /** Greatest difference of true and false positive rate, times positives × negatives. */
  separation: number;
  positivesInTop: number;
  bestThreshold: number;
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
  const sorted = Float32Array.from(order, (row) => probabilities[row] as number);
  const isFirst = new Uint8Array(order.length);
  for (let position = 0; position < order.length; position += 1)
    isFirst[position] = position === 0 || sorted[position] !== sorted[position - 1] ? 1 : 0;
  const cut = sorted.findIndex((probability) => probability >= Math.fround(threshold));
  return {
    order,
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

function passOver(rows: SortedRows, counts: RowCounts, costs: DecisionCosts | undefined): Pass {
  const { order, probabilities, labels, weights, losses, isFirst, bins, cut } = rows;
  const { total, positives } = totals(rows, counts);
  const negatives = total - positives;
  const inTop = total * LIFT_SHARE;
  let above = 0;
  let positivesAbove = 0;
  let tied = 0;
  let tiedPositives = 0;
  let loss = 0;
  let squared = 0;
  let orderedPairs = 0;
  let averagePrecision = 0;
  let separation = 0;
  let calibration = 0;
  let absoluteGap = 0;
  let positivesInTop = 0;
  let truePositive = -1;
  let falsePositive = -1;
  // Worth of the best threshold so far as a fraction: comparing products saves a division for each row.
  let bestWorth = Number.NEGATIVE_INFINITY;
  let bestScale = 1;
  let bestPosition = -1;
  for (let bin = CALIBRATION_BINS - 1; bin >= 0; bin -= 1) {
    const start = bins[bin] as number;
    let gap = 0;
    for (let position = (bins[bin + 1] as number) - 1; position >= start; position -= 1) {
      const count = counts[order[position] as number] as number;
      const weight = weights === null ? count : count * (weights[position] as number);
      const label = labels[position] as number;
      const error = (probabilities[position] as number) - label;
      tied += weight;
      tiedPositives += weight * label;
      loss += weight * (losses[position] as number);
      squared += weight * error * error;
      gap += weight * error;
      if (isFirst[position] === 0) continue;
      if (position < cut && truePositive < 0) {
        truePositive = positivesAbove;
        falsePositive = above - positivesAbove;
      }
      if (above < inTop && tied > 0) positivesInTop += tiedPositives * Math.min(1, (inTop - above) / tied);
      orderedPairs += (tied - tiedPositives) * (positivesAbove + tiedPositives / 2);
      above += tied;
      positivesAbove += tiedPositives;
      if (above > 0) averagePrecision += (tiedPositives * positivesAbove) / above;
      const distance = positivesAbove * negatives - (above - positivesAbove) * positives;
      if (distance > separation) separation = distance;
      const worth = costs === undefined ? positivesAbove : -thresholdCost(costs, above, positivesAbove);
      const scale = costs === undefined ? positives + above : 1;
      // A row that the resample lacks is no threshold of it; asked last, since it is hard to foresee.
      if (worth * bestScale >= bestWorth * scale && tied > 0) {
        bestWorth = worth;
        bestScale = scale;
        bestPosition = position;
      }
      tied = 0;
      tiedPositives = 0;
    }
    calibration += gap;
    absoluteGap += Math.abs(gap);
  }
  if (truePositive < 0) {
    truePositive = positivesAbove;
    falsePositive = above - positivesAbove;
  }
  const bestThreshold = probabilities[bestPosition] ?? Number.NaN;
  return {
    total,
    positives,
    truePositive,
    falsePositive,
    loss,
    squared,
    gap: calibration,
    absoluteGap,
    orderedPairs,
    averagePrecision,
    separation,
    positivesInTop,
    bestThreshold,
  };
}

/** What varies of the cost with the threshold, given how many lie above it. */
function thresholdCost(costs: DecisionCosts, above: number, positivesAbove: number): number {
  return (
    (costs.truePositive - costs.falseNegative) * positivesAbove +
    (costs.falsePositive - costs.trueNegative) * (above - positivesAbove)
  );
}

/** Weight of all rows, and of the positive ones. */
function totals({ order, labels, weights }: SortedRows, counts: RowCounts): Pick<Pass, 'total' | 'positives'> {
  let total = 0;
  let positives = 0;
  for (let position = 0; position < order.length; position += 1) {
    const count = counts[order[position] as number] as number;
    const weight = weights === null ? count : count * (weights[position] as number);
    total += weight;
    positives += weight * (labels[position] as number);
  }
  return { total, positives };
}

function valuesOf(pass: Pass, costs: DecisionCosts | undefined): Record<(typeof TASK_METRICS.binary)[number], number> {
  const { total, positives, truePositive, falsePositive } = pass;
  const negatives = total - positives;
  const bothClasses = positives > 0 && negatives > 0;
  const pairs = bothClasses ? positives * negatives : 0;
  const defined = total > 0 ? 1 : Number.NaN;
  return {
    roc_auc: ratioOf(pass.orderedPairs, pairs),
    pr_auc: ratioOf(pass.averagePrecision, positives),
    log_loss: ratioOf(pass.loss, total),
    brier: ratioOf(pass.squared, total),
    accuracy: ratioOf(truePositive + negatives - falsePositive, total),
    precision: defined * shareOf(truePositive, truePositive + falsePositive),
    recall: defined * shareOf(truePositive, positives),
    f1: defined * shareOf(2 * truePositive, positives + truePositive + falsePositive),
    calibration_gap: ratioOf(pass.gap, total),
    expected_calibration_error: ratioOf(pass.absoluteGap, total),
    ks: ratioOf(pass.separation, pairs),
    lift: ratioOf(pass.positivesInTop, positives * LIFT_SHARE),
    cost:
      costs === undefined
        ? Number.NaN
        : ratioOf(
            thresholdCost(costs, truePositive + falsePositive, truePositive) +
              costs.falseNegative * positives +
              costs.trueNegative * negatives,
            total,
          ),
    best_threshold: pass.bestThreshold,
    base_rate: ratioOf(positives, total),
  };
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
