/** How closely one feature follows a numeric label: along a line, or in order. Aligned arrays; NaN is a missing value. */
import { ascendingOrder } from './metrics.js';

/** One feature and the label of the same rows. */
export interface FeaturePart {
  readonly values: Float32Array;
  readonly labels: ArrayLike<number>;
  /** Above 0; all rows count alike without them. */
  readonly weights?: Float32Array | undefined;
}

/**
 * Predictions for the holdout from the least-squares line of the label over the feature, fitted on training rows; the mean
 * label of these where the feature is missing, and everywhere where it does not vary.
 */
export function predictByLine({ values, labels, weights }: FeaturePart, holdout: Float32Array): Float32Array {
  const present = [...values.keys()].filter((row) => !Number.isNaN(values[row]));
  const weightOf = (row: number): number => weights?.[row] ?? 1;
  const total = present.reduce((sum, row) => sum + weightOf(row), 0);
  const meanOf = (all: ArrayLike<number>): number =>
    present.reduce((sum, row) => sum + weightOf(row) * (all[row] as number), 0) / total;
  const [centre, level] = [meanOf(values), meanOf(labels)];
  let [together, spread] = [0, 0];
  for (const row of present) {
    const distance = (values[row] as number) - centre;
    together += weightOf(row) * distance * ((labels[row] as number) - level);
    spread += weightOf(row) * distance * distance;
  }
  const slope = spread > 0 ? together / spread : 0;
  return holdout.map((value) => (Number.isNaN(value) || slope === 0 ? level : level + slope * (value - centre)));
}

/** Correlation of ranks (Spearman 1904), rows unweighted: tied values at their mean rank, missing ones tied below all. NaN without variation. */
export function rankCorrelation({ values, labels }: FeaturePart): number {
  const [first, second] = [
    ranksOf(values.map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value))),
    ranksOf(Float32Array.from(labels)),
  ];
  const centre = (values.length - 1) / 2;
  let [together, ofFirst, ofSecond] = [0, 0, 0];
  for (let row = 0; row < values.length; row += 1) {
    const [left, right] = [(first[row] as number) - centre, (second[row] as number) - centre];
    together += left * right;
    ofFirst += left * left;
    ofSecond += right * right;
  }
  return ofFirst === 0 || ofSecond === 0 ? Number.NaN : together / Math.sqrt(ofFirst * ofSecond);
}

/** From 0; tied values share the mean of their ranks. */
function ranksOf(values: Float32Array): Float64Array {
  const order = ascendingOrder(values);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    const tied = values[order[start] as number];
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === tied) end += 1;
    for (let position = start; position < end; position += 1) ranks[order[position] as number] = (start + end - 1) / 2;
    start = end;
  }
  return ranks;
}
