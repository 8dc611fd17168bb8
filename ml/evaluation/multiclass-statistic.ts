/** Metrics of a multiclass model: what was decided for whom, and how sure the model was. */
import type { ClassScores, ConfusionCell } from '../../domain/evaluation-details.js';
import { TASK_METRICS } from '../../domain/metrics.js';
import { negativeLog } from './metrics.js';
import { likeliestClass } from './predictions.js';
import { ratioOf, type RowCounts, shareOf, type Statistic } from './statistic.js';

export interface MulticlassRows {
  readonly classes: readonly string[];
  /** Row-major, rows × classes. */
  readonly probabilities: Float32Array;
  /** Position of the class of each row. */
  readonly labels: ArrayLike<number>;
  readonly weights?: Float32Array | undefined;
}

/** What of a row enters the sums. */
interface PreparedRows {
  readonly labels: Uint16Array;
  readonly decided: Uint16Array;
  readonly weights: Float32Array | null;
  readonly losses: Float64Array;
  /** Squared distance of the probabilities from the class, summed over classes (Brier 1950). */
  readonly squared: Float64Array;
  /** Probability of the decided class. */
  readonly confidence: Float32Array;
}

interface ClassSums {
  /** Weight of rows by class: decided rightly, of that class, decided as that class. */
  readonly right: Float64Array;
  readonly support: Float64Array;
  readonly decided: Float64Array;
}

/**
 * Precision, recall and F1 by class, averaged plainly (macro) or by the rows of a class (weighted); a class without
 * decisions or without rows counts as 0, one with neither is left out of the averages. The calibration gap is mean
 * confidence minus accuracy. The Brier score sums over classes.
 */
export function multiclassStatistic(rows: MulticlassRows): Statistic {
  const prepared = prepareRows(rows);
  const classes = rows.classes.length;
  return {
    metrics: TASK_METRICS.multiclass,
    measure(counts, into) {
      const values = measureRows(prepared, classes, counts);
      for (const [position, metric] of TASK_METRICS.multiclass.entries()) into[position] = values[metric];
    },
  };
}

function prepareRows({ classes, probabilities, labels, weights }: MulticlassRows): PreparedRows {
  const width = classes.length;
  const rows = labels.length;
  const prepared = {
    labels: Uint16Array.from(labels),
    decided: new Uint16Array(rows),
    weights: weights ?? null,
    losses: new Float64Array(rows),
    squared: new Float64Array(rows),
    confidence: new Float32Array(rows),
  };
  for (let row = 0; row < rows; row += 1) {
    const decided = likeliestClass(probabilities, row, width);
    const ofLabel = probabilities[row * width + (labels[row] as number)] as number;
    prepared.decided[row] = decided;
    prepared.confidence[row] = probabilities[row * width + decided] as number;
    prepared.losses[row] = negativeLog(ofLabel);
    let squared = 1 - 2 * ofLabel;
    for (let position = 0; position < width; position += 1)
      squared += (probabilities[row * width + position] as number) ** 2;
    prepared.squared[row] = squared;
  }
  return prepared;
}

function measureRows(
  { labels, decided, weights, losses, squared, confidence }: PreparedRows,
  classes: number,
  counts: RowCounts,
): Record<(typeof TASK_METRICS.multiclass)[number], number> {
  const sums = emptySums(classes);
  let [total, loss, distance, sure] = [0, 0, 0, 0];
  for (let row = 0; row < labels.length; row += 1) {
    const count = counts[row] as number;
    const weight = weights === null ? count : count * (weights[row] as number);
    const label = labels[row] as number;
    const decision = decided[row] as number;
    total += weight;
    loss += weight * (losses[row] as number);
    distance += weight * (squared[row] as number);
    sure += weight * (confidence[row] as number);
    sums.support[label] = (sums.support[label] as number) + weight;
    sums.decided[decision] = (sums.decided[decision] as number) + weight;
    if (label === decision) sums.right[label] = (sums.right[label] as number) + weight;
  }
  const accuracy = ratioOf(
    sums.right.reduce((sum, value) => sum + value, 0),
    total,
  );
  return {
    accuracy,
    log_loss: ratioOf(loss, total),
    brier: ratioOf(distance, total),
    ...averages(sums),
    micro_f1: accuracy,
    calibration_gap: ratioOf(sure, total) - accuracy,
  };
}

function averages(sums: ClassSums) {
  const mean = { precision: 0, recall: 0, f1: 0 };
  const weighted = { precision: 0, recall: 0, f1: 0 };
  let [seen, support] = [0, 0];
  for (let position = 0; position < sums.right.length; position += 1) {
    const scores = scoresOfClass(sums, position);
    if (scores === null) continue;
    seen += 1;
    support += scores.support;
    for (const name of ['precision', 'recall', 'f1'] as const) {
      mean[name] += scores[name];
      weighted[name] += scores[name] * scores.support;
    }
  }
  return {
    macro_precision: ratioOf(mean.precision, seen),
    macro_recall: ratioOf(mean.recall, seen),
    macro_f1: ratioOf(mean.f1, seen),
    weighted_precision: ratioOf(weighted.precision, support),
    weighted_recall: ratioOf(weighted.recall, support),
    weighted_f1: ratioOf(weighted.f1, support),
  };
}

/** Null for a class without rows and without decisions. */
function scoresOfClass({ right, support, decided }: ClassSums, position: number): Omit<ClassScores, 'class'> | null {
  const [hits, rows, decisions] = [right[position] as number, support[position] as number, decided[position] as number];
  if (rows === 0 && decisions === 0) return null;
  return {
    precision: shareOf(hits, decisions),
    recall: shareOf(hits, rows),
    f1: shareOf(2 * hits, rows + decisions),
    support: rows,
  };
}

function emptySums(classes: number): ClassSums {
  return { right: new Float64Array(classes), support: new Float64Array(classes), decided: new Float64Array(classes) };
}

/** What was decided for whom: scores of each class that occurs or was decided, and the confusion. */
export interface MulticlassDetails {
  /** In the order of the classes. */
  readonly classes: ClassScores[];
  /** Cells that are not empty, the fullest first. */
  readonly confusion: ConfusionCell[];
}

/** `cells` of the confusion matrix are kept at most. */
export function multiclassDetails(rows: MulticlassRows, cells: number): MulticlassDetails {
  const prepared = prepareRows(rows);
  return { classes: scoresByClass(prepared, rows.classes), confusion: confusedPairs(prepared, rows.classes, cells) };
}

function scoresByClass({ labels, decided, weights }: PreparedRows, classes: readonly string[]): ClassScores[] {
  const sums = emptySums(classes.length);
  for (const [row, label] of labels.entries()) {
    const weight = weights?.[row] ?? 1;
    const decision = decided[row] as number;
    sums.support[label] = (sums.support[label] as number) + weight;
    sums.decided[decision] = (sums.decided[decision] as number) + weight;
    if (label === decision) sums.right[label] = (sums.right[label] as number) + weight;
  }
  return classes.flatMap((name, position) => {
    const scores = scoresOfClass(sums, position);
    return scores === null ? [] : [{ class: name, ...scores }];
  });
}

function confusedPairs(
  { labels, decided, weights }: PreparedRows,
  classes: readonly string[],
  limit: number,
): ConfusionCell[] {
  const width = classes.length;
  const cells = new Map<number, number>();
  for (const [row, label] of labels.entries()) {
    const cell = label * width + (decided[row] as number);
    cells.set(cell, (cells.get(cell) ?? 0) + (weights?.[row] ?? 1));
  }
  return [...cells]
    .sort(([left, few], [right, many]) => many - few || left - right)
    .slice(0, limit)
    .map(([cell, count]) => ({
      label: classes[Math.floor(cell / width)] ?? '',
      decided: classes[cell % width] ?? '',
      rows: count,
    }));
}
