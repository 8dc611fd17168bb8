/** How good a trial is: its predictions of the rows that were put aside. */
import { DomainError } from '../../../domain/errors.js';
import { type MetricName, TASK_METRICS } from '../../../domain/metrics.js';
import type { SearchPlan } from '../../../domain/search.js';
import { statisticOf } from '../../../ml/evaluation/evaluate.js';
import { predictionsOf } from '../../../ml/evaluation/predictions.js';
import type { JobContext } from '../context.js';
import { type ModelRows, readModelRows } from '../model-rows.js';

export interface TrialScores {
  /** By the metric of the search, the lower the better. */
  readonly loss: number;
  /** By name, those that are defined. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Of all metrics those that people compare trials by. */
const SHOWN: readonly MetricName[] = ['log_loss', 'roc_auc', 'brier', 'accuracy', 'rmse', 'mae', 'r2'];
const NO_THRESHOLD = 0.5;

/** Features of a part of the search as a row-major matrix, with all that belongs to its rows. */
export async function readSearchRows(
  context: JobContext,
  { features }: SearchPlan,
  part: SearchPlan['fit'],
): Promise<ModelRows & { readonly matrix: Float32Array }> {
  const names = features.map(({ name }) => name);
  const rows = await readModelRows(context, part.data, names);
  const matrix = new Float32Array(rows.rows * names.length);
  for (const [column, name] of names.entries()) {
    const values = rows.columns[name] as Float32Array;
    for (let row = 0; row < rows.rows; row += 1) matrix[row * names.length + column] = values[row] as number;
  }
  return { ...rows, matrix };
}

/** Throws `PRN_TRAINING_DIVERGED` where the loss is no number. */
export function scoreTrial(
  { task, classes, metric }: SearchPlan,
  scores: Float32Array,
  { rows, labels, weights }: Pick<ModelRows, 'rows' | 'labels' | 'weights'>,
): TrialScores {
  const predictions = predictionsOf({ task, classes }, scores);
  const statistic = statisticOf({ predictions, labels, weights, threshold: NO_THRESHOLD });
  const values = new Float64Array(statistic.metrics.length);
  statistic.measure(new Uint16Array(rows).fill(1), values);
  const measured = new Map<MetricName, number>(
    statistic.metrics.map((name, position) => [name, values[position] as number]),
  );
  const loss = measured.get(metric) ?? Number.NaN;
  if (!Number.isFinite(loss))
    throw new DomainError('PRN_TRAINING_DIVERGED', { iteration: 'the last', problem: `${metric} is ${loss}` });
  const shown = [...measured].filter(([name, value]) => isShown(name, task) && Number.isFinite(value));
  return { loss, metrics: Object.fromEntries(shown) };
}

function isShown(name: MetricName, task: SearchPlan['task']): boolean {
  const known: readonly MetricName[] = TASK_METRICS[task];
  return SHOWN.includes(name) && known.includes(name);
}
