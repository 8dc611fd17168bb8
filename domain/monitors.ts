/** Monitors: one watched quantity of an endpoint, the pure verdict on a window, and the debounce over windows. */
import { z } from 'zod';
import { Duration } from './duration.js';
import { ColumnName, Name } from './names.js';

export const MonitorMetric = z.enum([
  'accuracy',
  'precision',
  'recall',
  'roc_auc',
  'log_loss',
  'calibration_gap',
  'psi_prediction',
  'psi_feature',
  'traffic',
  'latency_p99_ms',
  'error_rate',
]);
export type MonitorMetric = z.infer<typeof MonitorMetric>;

export const MonitorSpec = z.strictObject({
  endpoint: Name,
  window: Duration,
  metric: MonitorMetric,
  /** The watched input, for `psi_feature`. */
  feature: ColumnName.optional(),
  /** Merged windows: the last `over` of them, of one version. */
  over: z.number().int().min(1).max(90).default(1),
  /** Smallest effect that matters, in the unit of the metric (see `effectOf`). */
  effect: z.strictObject({ min: z.number().nonnegative() }),
  /** Smallest absolute test statistic (Student's t over window gaps). */
  statistic: z.strictObject({ min: z.number().positive() }).optional(),
  /** Largest p-value of the test, where the metric has one. */
  alpha: z.number().gt(0).lt(1).optional(),
  minRows: z.number().int().nonnegative().default(100),
  /** Debounce, such as `2 of 3`: that many breaches among the last windows. */
  after: z
    .string()
    .regex(/^\d+ of \d+$/, 'expected "k of n", such as 2 of 3')
    .default('1 of 1'),
  severity: z.enum(['info', 'page']).default('info'),
  action: z.enum(['none', 'retrain']).default('none'),
});
export type MonitorSpec = z.infer<typeof MonitorSpec>;
