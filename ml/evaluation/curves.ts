/** Curves and bins for plots, thinned to what an eye can tell apart. */
import type { EvaluationDetails, Point } from '../../domain/evaluation-details.js';
import { calibrationBins, confusionOf } from './binary-statistic.js';
import { ascendingOrder } from './metrics.js';
import { multiclassDetails } from './multiclass-statistic.js';
import type { Predictions } from './predictions.js';

const POINTS = 200;
const CONFUSION_CELLS = 400;

export interface DrawnRows {
  readonly predictions: Predictions;
  readonly labels: Float32Array;
  readonly weights?: Float32Array | undefined;
  /** Of a binary model. */
  readonly threshold: number;
}

/** Everything but the importance, which is not a matter of predictions. */
export function detailsOf(rows: DrawnRows): Omit<EvaluationDetails, 'importance'> {
  const empty = { roc: [], precisionRecall: [], calibration: [], confusion: [], classes: [], residuals: [] };
  const { predictions, labels, weights, threshold } = rows;
  if (predictions.task === 'regression')
    return { ...empty, task: 'regression', residuals: residualPoints(predictions.values, labels) };
  if (predictions.task === 'multiclass') {
    const judged = { ...predictions, labels, weights };
    return {
      ...empty,
      task: 'multiclass',
      ...multiclassDetails(judged, CONFUSION_CELLS),
    };
  }
  const { probabilities } = predictions;
  const { truePositive, falsePositive, trueNegative, falseNegative } = confusionOf({
    probabilities,
    labels,
    weights,
    threshold,
  });
  const cells = [
    { label: '0', decided: '0', rows: trueNegative },
    { label: '0', decided: '1', rows: falsePositive },
    { label: '1', decided: '0', rows: falseNegative },
    { label: '1', decided: '1', rows: truePositive },
  ];
  return {
    ...empty,
    task: 'binary',
    ...rankingCurves(probabilities, labels, weights),
    calibration: calibrationBins({ probabilities, labels, weights }),
    confusion: cells,
  };
}

function rankingCurves(
  probabilities: Float32Array,
  labels: Float32Array,
  weights: Float32Array | undefined,
): { roc: Point[]; precisionRecall: Point[] } {
  const order = ascendingOrder(probabilities);
  const weightOf = (row: number): number => weights?.[row] ?? 1;
  let [positives, negatives] = [0, 0];
  for (const row of order) {
    if (labels[row] === 1) positives += weightOf(row);
    else negatives += weightOf(row);
  }
  const steps: { above: number; hits: number }[] = [];
  let [above, hits] = [0, 0];
  for (let position = order.length - 1; position >= 0; position -= 1) {
    const row = order[position] as number;
    above += weightOf(row);
    hits += labels[row] === 1 ? weightOf(row) : 0;
    const next = position === 0 ? null : probabilities[order[position - 1] as number];
    if (next !== probabilities[row]) steps.push({ above, hits });
  }
  const shown = positives === 0 || negatives === 0 ? [] : thinned(steps, POINTS);
  const roc = shown.map((step) => ({ x: (step.above - step.hits) / negatives, y: step.hits / positives }));
  return {
    roc: shown.length === 0 ? [] : [{ x: 0, y: 0 }, ...roc],
    precisionRecall: shown.map((step) => ({ x: step.hits / positives, y: step.hits / step.above })),
  };
}

function residualPoints(values: Float32Array, labels: Float32Array): Point[] {
  const rows = thinned([...values.keys()], 2 * POINTS);
  return rows.map((row) => ({ x: values[row] as number, y: (values[row] as number) - (labels[row] as number) }));
}

/** Evenly spread, first and last among them. */
export function thinned<T>(items: readonly T[], limit: number): T[] {
  if (items.length <= limit) return [...items];
  return Array.from(
    { length: limit },
    (_unused, position) => items[Math.round((position * (items.length - 1)) / (limit - 1))] as T,
  );
}
