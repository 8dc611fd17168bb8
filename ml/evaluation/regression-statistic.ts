/** Metrics of a regression from sums over rows. */
import { TASK_METRICS } from '../../domain/metrics.js';
import { ratioOf, type RowCounts, type Statistic } from './statistic.js';

export interface RegressionRows {
  readonly values: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly weights?: Float32Array | undefined;
}

/**
 * RMSE, MAE and bias (mean of prediction − label) in units of the label. MAPE is a share, over rows whose label is not 0.
 * R² is 1 − squared errors / squared distances from the mean label of the same rows; NaN where all labels are equal.
 */
export function regressionStatistic({ values, labels, weights }: RegressionRows): Statistic {
  const rows = values.length;
  let sum = 0;
  for (let row = 0; row < rows; row += 1) sum += labels[row] as number;
  // Labels around their mean: the variance of large numbers would lose its digits otherwise.
  const centre = rows === 0 ? 0 : sum / rows;
  return {
    metrics: TASK_METRICS.regression,
    measure(counts, into) {
      const measured = measureRows({ values, labels, weights }, centre, counts);
      for (const [position, metric] of TASK_METRICS.regression.entries()) into[position] = measured[metric];
    },
  };
}

function measureRows(
  { values, labels, weights }: RegressionRows,
  centre: number,
  counts: RowCounts,
): Record<(typeof TASK_METRICS.regression)[number], number> {
  let [total, errors, absolute, squared] = [0, 0, 0, 0];
  let [relative, relativeTotal, distance, squaredDistance] = [0, 0, 0, 0];
  for (let row = 0; row < values.length; row += 1) {
    const count = counts[row] as number;
    const weight = weights === undefined ? count : count * (weights[row] as number);
    const label = labels[row] as number;
    const error = (values[row] as number) - label;
    total += weight;
    errors += weight * error;
    absolute += weight * Math.abs(error);
    squared += weight * error * error;
    distance += weight * (label - centre);
    squaredDistance += weight * (label - centre) ** 2;
    if (label === 0) continue;
    relative += weight * Math.abs(error / label);
    relativeTotal += weight;
  }
  const variation = squaredDistance - ratioOf(distance * distance, total);
  return {
    rmse: Math.sqrt(ratioOf(squared, total)),
    mae: ratioOf(absolute, total),
    mape: ratioOf(relative, relativeTotal),
    // Rounding can leave a trace of variation where there is none.
    r2: variation <= 1e-12 * squaredDistance ? Number.NaN : 1 - squared / variation,
    bias: ratioOf(errors, total),
  };
}
