/** Metrics by name: which a task has, which way is better, and how a value with its interval is kept. */
import { z } from 'zod';
import type { Task } from './task.js';

/** Metrics of each task, in the order they are shown. Micro-averaged precision and recall of classes are the accuracy. */
export const TASK_METRICS = {
  binary: [
    'roc_auc',
    'pr_auc',
    'log_loss',
    'brier',
    'accuracy',
    'precision',
    'recall',
    'f1',
    'calibration_gap',
    'expected_calibration_error',
    'ks',
    'lift',
    'cost',
    'best_threshold',
    'base_rate',
  ],
  multiclass: [
    'accuracy',
    'log_loss',
    'brier',
    'macro_precision',
    'macro_recall',
    'macro_f1',
    'micro_f1',
    'weighted_precision',
    'weighted_recall',
    'weighted_f1',
    'calibration_gap',
  ],
  regression: ['rmse', 'mae', 'mape', 'r2', 'bias'],
} as const satisfies Record<Task, readonly string[]>;

export const MetricName = z.enum([...new Set(Object.values(TASK_METRICS).flat())]);
export type MetricName = z.infer<typeof MetricName>;

/** Which way is better: `magnitude` means the nearer to zero; `none` says something about the data, not the model. */
export type MetricDirection = 'higher' | 'lower' | 'magnitude' | 'none';

const LOWER: readonly MetricName[] = ['log_loss', 'brier', 'expected_calibration_error', 'cost', 'rmse', 'mae', 'mape'];

export function directionOf(metric: MetricName): MetricDirection {
  if (metric === 'best_threshold' || metric === 'base_rate') return 'none';
  if (metric === 'calibration_gap' || metric === 'bias') return 'magnitude';
  return LOWER.includes(metric) ? 'lower' : 'higher';
}

/** How much better `value` is than `other`: positive is better, whichever way the metric runs. */
export function improvementOf(metric: MetricName, value: number, other: number): number {
  const direction = directionOf(metric);
  if (direction === 'magnitude') return Math.abs(other) - Math.abs(value);
  return direction === 'lower' ? other - value : value - other;
}

/** The three metrics that stand for all others on a card or in a list; the first is the primary one. */
export const HEADLINE_METRICS = {
  binary: ['roc_auc', 'log_loss', 'calibration_gap'],
  multiclass: ['accuracy', 'log_loss', 'macro_f1'],
  regression: ['rmse', 'mae', 'r2'],
} as const satisfies Record<Task, readonly MetricName[]>;

/** What is kept of each slice: the headline, and the gap that base rates do not confound. */
export function sliceMetrics(task: Task): MetricName[] {
  return [...new Set<MetricName>([...HEADLINE_METRICS[task], gapMetric(task)])];
}

/** Mean of prediction − outcome: zero for a model that is right on average. */
export function gapMetric(task: Task): MetricName {
  return task === 'regression' ? 'bias' : 'calibration_gap';
}

const LABELS: Partial<Record<MetricName, string>> = {
  roc_auc: 'ROC AUC',
  pr_auc: 'PR AUC',
  ks: 'KS',
  f1: 'F1',
  macro_f1: 'macro F1',
  micro_f1: 'micro F1',
  weighted_f1: 'weighted F1',
  brier: 'Brier score',
  rmse: 'RMSE',
  mae: 'MAE',
  mape: 'MAPE',
  r2: 'R²',
};

/** As people read it. */
export function metricLabel(metric: MetricName): string {
  return LABELS[metric] ?? metric.replaceAll('_', ' ');
}

export const IntervalMethod = z.enum(['bca', 'percentile', 'none']);
export type IntervalMethod = z.infer<typeof IntervalMethod>;

/**
 * A value with its bootstrap interval. `value` is null where the metric is not defined on these rows (a class is absent);
 * the bounds are null, and the state `no_evidence`, where there is nothing to resample honestly.
 */
export const MetricEstimate = z.strictObject({
  value: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  /** Of the two-sided interval. */
  confidence: z.number().gt(0).lt(1),
  method: IntervalMethod,
  state: z.enum(['ok', 'no_evidence']),
});
export type MetricEstimate = z.infer<typeof MetricEstimate>;

export const EvaluationMetrics = z.partialRecord(MetricName, MetricEstimate);
export type EvaluationMetrics = z.infer<typeof EvaluationMetrics>;

/** The value of a metric; null where it is not defined or was not computed. */
export function metricValue(metrics: EvaluationMetrics, metric: MetricName): number | null {
  return metrics[metric]?.value ?? null;
}
