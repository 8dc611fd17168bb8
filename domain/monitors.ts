/** Monitors: one watched quantity of an endpoint, the pure verdict on a window, and the debounce over windows. */
import { z } from 'zod';
import { Duration } from './duration.js';
import { ColumnName, Name } from './names.js';
import type { Task } from './task.js';

export const MonitorMetric = z.enum([
  'accuracy',
  'precision',
  'recall',
  'roc_auc',
  'log_loss',
  'rmse',
  'mae',
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

/** Metrics that only make sense for some tasks; the others can be watched for all. */
const TASKS_OF_METRIC: Readonly<Partial<Record<MonitorMetric, readonly Task[]>>> = {
  accuracy: ['binary', 'multiclass'],
  precision: ['binary'],
  recall: ['binary'],
  roc_auc: ['binary'],
  log_loss: ['binary', 'multiclass'],
  rmse: ['regression'],
  mae: ['regression'],
};

/** Why a metric cannot be watched on an endpoint of a task; null if it can. */
export function unfitFor(task: Task, metric: MonitorMetric): string | null {
  const tasks = TASKS_OF_METRIC[metric];
  if (tasks === undefined || tasks.includes(task)) return null;
  const known = MonitorMetric.options.filter((other) => TASKS_OF_METRIC[other]?.includes(task) ?? true);
  return `${metric} has no meaning for a ${task} model; there are ${known.join(', ')}`;
}

/** A measurement over the merged windows; null parts could not be measured. */
export interface Measurement {
  readonly value: number | null;
  /** Student's t, where the metric has one. */
  readonly statistic: number | null;
  readonly pValue: number | null;
  /** What two samples of one distribution would show by chance, for PSI. */
  readonly critical: number | null;
  readonly rows: number;
}

export interface WindowVerdict {
  readonly state: 'ok' | 'breach' | 'insufficient_data';
  readonly effect: number | null;
  readonly explanation: string;
}

/** Metrics that fall when things go wrong; the effect is how far below 1 (a perfect score) they lie. */
const FALLING: readonly MonitorMetric[] = ['accuracy', 'precision', 'recall', 'roc_auc'];

/**
 * The size of what the monitor watches, compared with `effect.min`: absolute value for calibration gaps, the shortfall
 * from 1 for scores that fall, the value itself for everything else. `traffic` breaches from below.
 */
export function effectOf(metric: MonitorMetric, value: number): number {
  if (metric === 'calibration_gap') return Math.abs(value);
  return FALLING.includes(metric) ? 1 - value : value;
}

/** Too few rows is a state of its own. Otherwise the effect must be large enough and the test, where asked for, clear. */
export function judgeWindow(monitor: MonitorSpec, measurement: Measurement): WindowVerdict {
  const { value, statistic, pValue, critical, rows } = measurement;
  if (value === null || rows < monitor.minRows) {
    return {
      state: 'insufficient_data',
      effect: null,
      explanation: `${monitor.metric}: ${rows} rows, ${monitor.minRows} needed`,
    };
  }
  const effect = effectOf(monitor.metric, value);
  const large = monitor.metric === 'traffic' ? value < monitor.effect.min : effect >= monitor.effect.min;
  const clear =
    (monitor.statistic === undefined || (statistic !== null && Math.abs(statistic) >= monitor.statistic.min)) &&
    (monitor.alpha === undefined || pValue === null || pValue <= monitor.alpha) &&
    (critical === null || value >= critical);
  const tested = [
    statistic === null ? '' : `t = ${statistic.toFixed(1)}`,
    critical === null ? '' : `by chance up to ${critical.toFixed(3)}`,
  ].filter((text) => text !== '');
  const details = tested.length === 0 ? '' : ` (${tested.join(', ')})`;
  const explanation = `${monitor.metric} ${value.toFixed(4)}${details} over ${rows} rows, ${limitText(monitor)}`;
  return { state: large && clear ? 'breach' : 'ok', effect, explanation };
}

function limitText({ metric, effect }: MonitorSpec): string {
  if (FALLING.includes(metric)) return `not below ${(1 - effect.min).toFixed(4)}`;
  return metric === 'traffic' ? `not below ${effect.min}` : `limit ${effect.min}`;
}

/** `2 of 3` → 2 and 3. The text must have passed the schema. */
export function parseAfter(after: string): { k: number; n: number } {
  const [k = 1, n = 1] = after.split(' of ').map(Number);
  return { k, n };
}

/** Fires when at least `k` of the last `n` judged windows are breaches; windows without data neither count nor reset. */
export function debounce(
  states: readonly WindowVerdict['state'][],
  { k, n }: { readonly k: number; readonly n: number },
): boolean {
  const judged = states.filter((state) => state !== 'insufficient_data').slice(-n);
  return judged.at(-1) === 'breach' && judged.filter((state) => state === 'breach').length >= k;
}
