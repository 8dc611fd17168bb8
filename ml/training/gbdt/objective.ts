/** What is minimised: where scores start, what labels may be, and the loss of rows that training does not see. */
import { DomainError } from '../../../domain/errors.js';
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import type { Task } from '../../../domain/task.js';
import { checkLabels, type LabelledRows, weightedMean } from '../labels.js';
import { weightedMedian } from '../median.js';
import type { Objective } from './memory.js';

/** A class that the rows lack starts from this share. */
const LEAST_SHARE = 1e-9;

export function objectiveOf(task: Task, { loss }: Pick<GbdtParameters, 'loss'>): Objective {
  return task === 'regression' ? loss : task;
}

/**
 * Raw scores before any tree, in float32 so that the exported graph starts from the same number: log odds, log shares of
 * the classes, mean or median. Throws as {@link checkLabels} does.
 */
export function startScores(objective: Objective, data: LabelledRows & { readonly outputs: number }): number[] {
  const { labels, weights, rows, outputs } = data;
  switch (objective) {
    case 'binary': {
      checkLabels('binary', data);
      const share = weightedMean(labels, weights);
      return [Math.fround(Math.log(share / (1 - share)))];
    }
    case 'multiclass':
      checkLabels('multiclass', data);
      return classShares(data).map((share) => Math.fround(Math.log(Math.max(share, LEAST_SHARE))));
    case 'squared':
      checkLabels('regression', data);
      return Array.from({ length: outputs }, () => Math.fround(weightedMean(labels, weights)));
    case 'absolute':
      checkLabels('regression', data);
      return [Math.fround(weightedMedian(Float64Array.from(labels.subarray(0, rows)), weights))];
  }
}

function classShares({ labels, weights, outputs }: LabelledRows & { readonly outputs: number }): number[] {
  const sums = new Float64Array(outputs);
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const weight = weights?.[row] ?? 1;
    const label = labels[row] ?? 0;
    sums[label] = (sums[label] ?? 0) + weight;
    total += weight;
  }
  return Array.from(sums, (sum) => sum / total);
}

/** Mean loss of rows by their raw scores; sums in the order of the rows. */
export function meanLoss(
  objective: Objective,
  rows: Pick<LabelledRows, 'labels' | 'weights'>,
  { scores, outputs }: { readonly scores: Float64Array; readonly outputs: number },
): number {
  const { labels, weights } = rows;
  let loss = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const weight = weights?.[row] ?? 1;
    loss += weight * rowLoss(objective, labels[row] ?? 0, scores.subarray(row * outputs, (row + 1) * outputs));
    total += weight;
  }
  return loss / total;
}

function rowLoss(objective: Objective, label: number, scores: Float64Array): number {
  const [score = 0] = scores;
  switch (objective) {
    case 'binary':
      return Math.max(score, 0) - score * label + Math.log1p(Math.exp(-Math.abs(score)));
    case 'multiclass': {
      const greatest = scores.reduce((left, right) => Math.max(left, right), Number.NEGATIVE_INFINITY);
      const sum = scores.reduce((partial, each) => partial + Math.exp(each - greatest), 0);
      return Math.log(sum) + greatest - (scores[label] ?? 0);
    }
    case 'squared':
      return (score - label) ** 2 / 2;
    case 'absolute':
      return Math.abs(score - label);
  }
}

/** Throws `PRN_TRAINING_DIVERGED` for a loss that is not a finite number. */
export function checkLoss(loss: number, iteration: number): void {
  if (!Number.isFinite(loss))
    throw new DomainError('PRN_TRAINING_DIVERGED', { iteration, problem: `the loss is ${loss}` });
}
