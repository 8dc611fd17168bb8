/** Plain numbers of one version in one window, and the profile of its rows in the frames of the version's reference. */
import type { ModelProfile } from '../../domain/model-profile.js';
import type { WindowMetrics } from '../../domain/monitoring.js';
import type { ColumnProfile } from '../../domain/profile.js';
import { rocAuc } from '../../ml/evaluation/metrics.js';
import { columnShift } from '../../ml/profile/column-shift.js';
import { profileAgainst } from '../../ml/profile/model-profile.js';
import { trafficOf, type VersionRows } from './window-rows.js';

/** Error probability of the critical PSI that reports show; monitors with an `alpha` of their own use that. */
const REPORT_ALPHA = 0.001;

/**
 * `sumPrediction`, `sumOutcome` and all scores are over answered rows whose label is known; PSI and latency over
 * answered rows; the error rate over all rows. Null where there was nothing to measure.
 */
export function summariseVersion(
  rows: VersionRows,
  reference: ModelProfile,
): { readonly metrics: WindowMetrics; readonly profile: ModelProfile } {
  const { inputs, texts, eventTs, lags, latenciesMs, failed } = rows;
  const predictions = rows.task === 'multiclass' ? rows.decidedClasses : rows.predictions;
  const columns = Object.entries({ ...inputs, ...texts }).map(([name, data]) => ({ name, data }));
  const profile = profileAgainst({ inputs: columns, eventTs, lags, predictions }, reference);
  const traffic = trafficOf(rows);
  const shift = columnShift(profile.prediction, reference.prediction);
  const metrics: WindowMetrics = {
    rows: traffic,
    ...scoresOf(rows),
    psiPrediction: shift?.psi ?? null,
    psiPredictionCritical: shift === null ? null : finite(shift.critical(REPORT_ALPHA)),
    psiInputs: Object.fromEntries(profile.inputs.columns.flatMap((column) => inputShift(column, reference))),
    latencyP50Ms: percentile(latenciesMs, 0.5),
    latencyP99Ms: percentile(latenciesMs, 0.99),
    errorRate: traffic === 0 ? null : failed / traffic,
  };
  return { metrics, profile };
}

function inputShift(column: ColumnProfile, { inputs }: ModelProfile): [name: string, psi: number][] {
  const reference = inputs.columns.find(({ name }) => name === column.name);
  const shift = reference === undefined ? null : columnShift(column, reference);
  return shift === null ? [] : [[column.name, shift.psi]];
}

type Scores = Pick<
  WindowMetrics,
  | 'labelled'
  | 'sumPrediction'
  | 'sumOutcome'
  | 'accuracy'
  | 'precision'
  | 'recall'
  | 'rocAuc'
  | 'logLoss'
  | 'calibrationGap'
  | 'rmse'
  | 'mae'
>;

/** Scores that a task has no meaning for are null. */
function scoresOf(rows: VersionRows): Scores {
  const { predictions, outcomes, losses, task } = rows;
  const known = [...outcomes.keys()].filter((row) => !Number.isNaN(outcomes[row]));
  const labelled = known.length;
  const total = (valueOf: (row: number) => number): number => known.reduce((sum, row) => sum + valueOf(row), 0);
  const sumPrediction = total((row) => predictions[row] ?? 0);
  const sumOutcome = total((row) => outcomes[row] ?? 0);
  const meanLoss = share(
    total((row) => losses[row] ?? 0),
    labelled,
  );
  const common = { labelled, sumPrediction, sumOutcome, calibrationGap: share(sumPrediction - sumOutcome, labelled) };
  const none = { accuracy: null, precision: null, recall: null, rocAuc: null, logLoss: null, rmse: null, mae: null };
  if (task === 'regression') {
    const mae = share(
      total((row) => Math.abs((predictions[row] ?? 0) - (outcomes[row] ?? 0))),
      labelled,
    );
    return { ...common, ...none, rmse: meanLoss === null ? null : Math.sqrt(meanLoss), mae };
  }
  if (task === 'multiclass') return { ...common, ...none, accuracy: share(sumOutcome, labelled), logLoss: meanLoss };
  return { ...common, ...none, ...decisionScores(rows, known), logLoss: meanLoss };
}

/** Decisions are those that were served, so accuracy, precision and recall are at the version's frozen threshold. */
function decisionScores(
  { predictions, decisions, outcomes }: VersionRows,
  known: readonly number[],
): Pick<Scores, 'accuracy' | 'precision' | 'recall' | 'rocAuc'> {
  const sums = { decided: 0, correct: 0, truePositive: 0, positive: 0 };
  for (const row of known) {
    const [decision = 0, outcome = 0] = [decisions[row], outcomes[row]];
    sums.decided += decision;
    sums.positive += outcome;
    sums.correct += decision === outcome ? 1 : 0;
    sums.truePositive += decision * outcome;
  }
  const auc = rocAuc(
    Float32Array.from(known, (row) => predictions[row] ?? 0),
    known.map((row) => outcomes[row] ?? 0),
  );
  return {
    accuracy: share(sums.correct, known.length),
    precision: share(sums.truePositive, sums.decided),
    recall: share(sums.truePositive, sums.positive),
    rocAuc: finite(auc),
  };
}

/** Nearest-rank percentile, `part` in (0, 1]; null without values. */
export function percentile(values: readonly number[], part: number): number | null {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? null;
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
