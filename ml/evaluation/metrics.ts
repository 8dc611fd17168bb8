/** Metrics of a binary model. Probabilities are float32 in [0, 1], labels 0 or 1, arrays aligned. */
import type { BinaryMetrics } from '../../domain/registry.js';

/** Log loss of a probability of exactly 0 or 1 is bounded by clipping here, as scikit-learn did at float32. */
const CLIP = 1e-7;

export function logLossOf(probability: number, label: number): number {
  const clipped = Math.min(1 - CLIP, Math.max(CLIP, probability));
  return label === 1 ? -Math.log(clipped) : -Math.log(1 - clipped);
}

/**
 * Area under the ROC curve as the share of correctly ordered pairs, ties counting half (Mann and Whitney 1947). NaN when
 * a class is absent. `order` are row numbers ascending by probability; computed when left out.
 */
export function rocAuc(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  order: Uint32Array = ascendingOrder(probabilities),
): number {
  return weightedRocAuc({ probabilities, labels, order, weightOf: () => 1 });
}

/** The same with a whole-number weight a row: what the bootstrap needs, without sorting again. */
export function weightedRocAuc(input: {
  readonly probabilities: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly order: Uint32Array;
  readonly weightOf: (row: number) => number;
}): number {
  const { probabilities, labels, order, weightOf } = input;
  let negativesBelow = 0;
  let positives = 0;
  let ordered = 0;
  for (let start = 0; start < order.length;) {
    const tied = probabilities[order[start] ?? 0];
    let tiedPositives = 0;
    let tiedNegatives = 0;
    let end = start;
    for (; end < order.length && probabilities[order[end] ?? 0] === tied; end += 1) {
      const row = order[end] ?? 0;
      if (labels[row] === 1) tiedPositives += weightOf(row);
      else tiedNegatives += weightOf(row);
    }
    ordered += tiedPositives * (negativesBelow + tiedNegatives / 2);
    negativesBelow += tiedNegatives;
    positives += tiedPositives;
    start = end;
  }
  return positives === 0 || negativesBelow === 0 ? Number.NaN : ordered / (positives * negativesBelow);
}

export function ascendingOrder(values: Float32Array): Uint32Array {
  return Uint32Array.from(values.keys()).sort((left, right) => (values[left] ?? 0) - (values[right] ?? 0));
}

export function confusion(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  threshold: number,
): { truePositive: number; falsePositive: number; trueNegative: number; falseNegative: number } {
  const counts = { truePositive: 0, falsePositive: 0, trueNegative: 0, falseNegative: 0 };
  for (const [row, probability] of probabilities.entries()) {
    const decided = probability >= Math.fround(threshold);
    if (labels[row] === 1) counts[decided ? 'truePositive' : 'falseNegative'] += 1;
    else counts[decided ? 'falsePositive' : 'trueNegative'] += 1;
  }
  return counts;
}

/** All binary metrics at one threshold. Precision without a positive decision and recall without a positive row are 0. */
export function evaluateBinary(input: {
  probabilities: Float32Array;
  labels: ArrayLike<number>;
  threshold: number;
}): BinaryMetrics {
  const { probabilities, labels, threshold } = input;
  const rows = probabilities.length;
  const { truePositive, falsePositive, trueNegative, falseNegative } = confusion(probabilities, labels, threshold);
  let loss = 0;
  let squared = 0;
  let predicted = 0;
  let positives = 0;
  for (const [row, probability] of probabilities.entries()) {
    const label = labels[row] ?? 0;
    loss += logLossOf(probability, label);
    squared += (probability - label) ** 2;
    predicted += probability;
    positives += label;
  }
  const precision = ratio(truePositive, truePositive + falsePositive);
  const recall = ratio(truePositive, truePositive + falseNegative);
  const auc = rocAuc(probabilities, labels);
  return {
    rows,
    baseRate: ratio(positives, rows),
    accuracy: ratio(truePositive + trueNegative, rows),
    precision,
    recall,
    f1: ratio(2 * precision * recall, precision + recall),
    rocAuc: Number.isNaN(auc) ? 0.5 : auc,
    logLoss: ratio(loss, rows),
    brier: ratio(squared, rows),
    calibrationGap: ratio(predicted - positives, rows),
    expectedCalibrationError: expectedCalibrationError(probabilities, labels),
  };
}

const CALIBRATION_BINS = 10;

/** Mean absolute gap between mean prediction and rate over ten bins of equal mass, weighted by rows. */
export function expectedCalibrationError(probabilities: Float32Array, labels: ArrayLike<number>): number {
  const order = ascendingOrder(probabilities);
  const rows = order.length;
  let total = 0;
  for (let bin = 0; bin < CALIBRATION_BINS; bin += 1) {
    const from = Math.floor((bin * rows) / CALIBRATION_BINS);
    const to = Math.floor(((bin + 1) * rows) / CALIBRATION_BINS);
    let gap = 0;
    for (let position = from; position < to; position += 1) {
      const row = order[position] ?? 0;
      gap += (probabilities[row] ?? 0) - (labels[row] ?? 0);
    }
    total += Math.abs(gap);
  }
  return ratio(total, rows);
}

/** The threshold with the greatest F1 (the lowest such on a tie), among the probabilities themselves. */
export function chooseThreshold(probabilities: Float32Array, labels: ArrayLike<number>): number {
  const order = ascendingOrder(probabilities);
  const positives = Array.from(order).filter((row) => labels[row] === 1).length;
  let truePositive = 0;
  let best = { f1: -1, threshold: 0.5 };
  for (let position = order.length - 1; position >= 0; position -= 1) {
    const row = order[position] ?? 0;
    truePositive += labels[row] === 1 ? 1 : 0;
    const threshold = probabilities[row] ?? 0;
    if (position > 0 && probabilities[order[position - 1] ?? 0] === threshold) continue;
    const f1 = ratio(2 * truePositive, positives + (order.length - position));
    if (f1 >= best.f1) best = { f1, threshold };
  }
  return best.threshold;
}

function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
