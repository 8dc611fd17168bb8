/** The loss of a single answer, by which two versions are compared on the same row. */
import type { TaskShape } from '../../domain/task.js';
import { logLossOf } from './metrics.js';

/**
 * Log loss of a classifier, squared error of a regression. `scores` are those of one row. A class that the model does not
 * know had probability 0.
 */
export function rowLoss(scores: Float32Array, outcome: number | string, { task, classes }: TaskShape): number {
  const [score = Number.NaN] = scores;
  if (task === 'regression') return (score - Number(outcome)) ** 2;
  if (task === 'binary') return logLossOf(score, Number(outcome));
  return logLossOf(scores[classes.indexOf(String(outcome))] ?? 0, 1);
}
