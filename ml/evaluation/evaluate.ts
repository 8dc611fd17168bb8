/** From predictions to a statistic, whatever the task. */
import { binaryStatistic } from './binary-statistic.js';
import type { DecisionCosts } from '../../domain/evaluation.js';
import { multiclassStatistic } from './multiclass-statistic.js';
import type { JudgedRows } from './predictions.js';
import { regressionStatistic } from './regression-statistic.js';
import type { Statistic } from './statistic.js';

export interface Judging extends JudgedRows {
  /** Of a binary model: probability at or above which the decision is 1. */
  readonly threshold: number;
  /** Of a binary model; without them there is no metric `cost`. */
  readonly costs?: DecisionCosts | undefined;
}

/** All metrics of the task. */
export function statisticOf({ predictions, labels, weights, threshold, costs }: Judging): Statistic {
  switch (predictions.task) {
    case 'binary':
      return binaryStatistic({ probabilities: predictions.probabilities, labels, weights, threshold, costs });
    case 'multiclass':
      return multiclassStatistic({ ...predictions, labels, weights });
    case 'regression':
      return regressionStatistic({ values: predictions.values, labels, weights });
  }
}
