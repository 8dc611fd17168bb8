/** What a monitor measures: one metric over the last windows of one version. */
import type { ModelProfile } from '../../domain/model-profile.js';
import type { WindowMetrics, WindowReport } from '../../domain/monitoring.js';
import type { Measurement, MonitorMetric, MonitorSpec } from '../../domain/monitors.js';
import { valuesOf } from '../../domain/profile.js';
import { mergeColumns } from '../../domain/profile-merge.js';
import { calibrationOverWindows } from '../../ml/drift/calibration.js';
import { columnShift } from '../../ml/profile/column-shift.js';

export type MeasuredWindow = Pick<WindowReport, 'metrics' | 'prediction'>;

const PLAIN = { statistic: null, pValue: null, critical: null };

/**
 * Windows of one version, the newest last. Calibration is tested over the gaps of the windows; PSI is taken of the
 * merged prediction profile; every other metric is the mean over windows, weighted by the rows it was measured on.
 */
export function measure(monitor: MonitorSpec, windows: readonly MeasuredWindow[], profile: ModelProfile): Measurement {
  const metrics = windows.map((window) => window.metrics);
  const rows = metrics.reduce((sum, window) => sum + window.rows, 0);
  switch (monitor.metric) {
    case 'calibration_gap':
      return calibration(metrics);
    case 'psi_prediction':
      return predictionShift(monitor, windows, profile);
    case 'traffic':
      // Few rows are what this monitor looks for, so they can never be too few to judge.
      return { ...PLAIN, value: rows, rows: Math.max(rows, monitor.minRows) };
    case 'rmse':
      return rootMeanSquare(metrics);
    default:
      return weightedMean(monitor, metrics);
  }
}

function calibration(metrics: readonly WindowMetrics[]): Measurement {
  const test = calibrationOverWindows(
    metrics.map(({ labelled, sumPrediction, sumOutcome }) => ({ rows: labelled, sumPrediction, sumOutcome })),
  );
  const { gap, statistic, pValue, rows } = test;
  return { value: Number.isNaN(gap) ? null : gap, statistic, pValue, critical: null, rows };
}

function predictionShift(
  { alpha }: MonitorSpec,
  windows: readonly MeasuredWindow[],
  { prediction: reference }: ModelProfile,
): Measurement {
  const [first, ...rest] = windows.map(({ prediction }) => prediction);
  const merged = first === undefined ? null : rest.reduce(mergeColumns, first);
  const shift = merged === null ? null : columnShift(merged, reference);
  if (merged === null || shift === null) return { ...PLAIN, value: null, rows: 0 };
  const critical = alpha === undefined ? null : shift.critical(alpha);
  return { ...PLAIN, value: shift.psi, critical, rows: valuesOf(merged) };
}

function weightedMean(monitor: MonitorSpec, metrics: readonly WindowMetrics[]): Measurement {
  let [sum, rows] = [0, 0];
  for (const window of metrics) {
    const { value, weight } = valueOf(monitor, window);
    if (value === null || weight === 0) continue;
    sum += value * weight;
    rows += weight;
  }
  return { ...PLAIN, value: rows === 0 ? null : sum / rows, rows };
}

/** Errors of several windows add as squares. */
function rootMeanSquare(metrics: readonly WindowMetrics[]): Measurement {
  const labelled = metrics.filter(({ rmse }) => rmse !== null);
  const rows = labelled.reduce((sum, window) => sum + window.labelled, 0);
  const squares = labelled.reduce((sum, window) => sum + (window.rmse ?? 0) ** 2 * window.labelled, 0);
  return { ...PLAIN, value: rows === 0 ? null : Math.sqrt(squares / rows), rows };
}

const LABELLED: Readonly<Partial<Record<MonitorMetric, keyof WindowMetrics>>> = {
  accuracy: 'accuracy',
  precision: 'precision',
  recall: 'recall',
  roc_auc: 'rocAuc',
  log_loss: 'logLoss',
  mae: 'mae',
};

function valueOf({ metric, feature }: MonitorSpec, window: WindowMetrics): { value: number | null; weight: number } {
  const labelledMetric = LABELLED[metric];
  if (labelledMetric !== undefined) {
    const value = window[labelledMetric];
    return { value: typeof value === 'number' ? value : null, weight: window.labelled };
  }
  const weight = window.rows;
  if (metric === 'latency_p99_ms') return { value: window.latencyP99Ms, weight };
  if (metric === 'error_rate') return { value: window.errorRate, weight };
  return { value: feature === undefined ? null : (window.psiInputs[feature] ?? null), weight };
}
