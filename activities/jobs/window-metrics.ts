/** Plain numbers of one version in one window, and the profile of its rows in the frames of the version's reference. */
import type { ModelProfile } from '../../domain/model-profile.js';
import type { WindowMetrics } from '../../domain/monitoring.js';
import type { ColumnProfile } from '../../domain/profile.js';
import { logLossOf, rocAuc } from '../../ml/evaluation/metrics.js';
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
  const { probabilities: predictions, inputs, texts, eventTs, lags, latenciesMs, failed } = rows;
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
>;

/** Decisions are those that were served, so accuracy, precision and recall are at the version's frozen threshold. */
function scoresOf({ probabilities, decisions, outcomes }: VersionRows): Scores {
  const known = [...outcomes.keys()].filter((row) => !Number.isNaN(outcomes[row]));
  const labelled = known.length;
  const sums = { prediction: 0, outcome: 0, decided: 0, correct: 0, truePositive: 0, logLoss: 0 };
  for (const row of known) {
    const probability = probabilities[row] ?? 0;
    const outcome = outcomes[row] ?? 0;
    const decision = decisions[row] ?? 0;
    sums.prediction += probability;
    sums.outcome += outcome;
    sums.decided += decision;
    sums.correct += decision === outcome ? 1 : 0;
    sums.truePositive += decision * outcome;
    sums.logLoss += logLossOf(probability, outcome);
  }
  const auc = rocAuc(
    Float32Array.from(known, (row) => probabilities[row] ?? 0),
    known.map((row) => outcomes[row] ?? 0),
  );
  return {
    labelled,
    sumPrediction: sums.prediction,
    sumOutcome: sums.outcome,
    accuracy: share(sums.correct, labelled),
    precision: share(sums.truePositive, sums.decided),
    recall: share(sums.truePositive, sums.outcome),
    rocAuc: finite(auc),
    logLoss: share(sums.logLoss, labelled),
    calibrationGap: share(sums.prediction - sums.outcome, labelled),
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
