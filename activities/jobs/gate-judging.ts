/** Judges gates on holdout scores: bounds from metrics, comparisons by the paired bootstrap over days. */
import {
  type BoundGate,
  type Comparison,
  type ComparisonGate,
  type Gate,
  type GateMetric,
  type GateResult,
  judgeBound,
  judgeComparison,
  SHOWN_CONFIDENCE,
} from '../../domain/gates.js';
import type { BinaryMetrics } from '../../domain/registry.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { logLossImprovement, rocAucImprovement } from '../../ml/evaluation/block-bootstrap.js';
import { baselineName, type Champion, type Contestant } from './contestants.js';
import type { JobContext } from './context.js';
import type { ModelRows } from './model-rows.js';

const RESAMPLES = 1_000;

export interface GateJudging {
  readonly gates: readonly Gate[];
  readonly metrics: BinaryMetrics;
  readonly holdout: ModelRows;
  /** The challenger's. */
  readonly probabilities: Float32Array;
  readonly champion: Champion;
  readonly baselines: ReadonlyMap<string, Contestant>;
  readonly seed: number;
}

const METRIC_VALUES: Readonly<Record<GateMetric, keyof BinaryMetrics>> = {
  log_loss: 'logLoss',
  roc_auc: 'rocAuc',
  accuracy: 'accuracy',
  precision: 'precision',
  recall: 'recall',
  brier: 'brier',
  calibration_gap: 'calibrationGap',
};

/** Results in the order of the gates. Stops between two gates when the job is cancelled. */
export function judgeGates(
  { progress, signal }: Pick<JobContext, 'progress' | 'signal'>,
  judging: GateJudging,
): GateResult[] {
  return judging.gates.map((gate, index) => {
    signal.throwIfAborted();
    progress({ message: `gate ${index + 1} of ${judging.gates.length}` });
    return isComparison(gate) ? compare(gate, judging) : bound(gate, judging);
  });
}

function isComparison(gate: Gate): gate is ComparisonGate {
  return 'against' in gate;
}

function bound(gate: BoundGate, { metrics }: GateJudging): GateResult {
  return judgeBound(gate, metrics[METRIC_VALUES[gate.metric]], metrics.rows);
}

function compare(gate: ComparisonGate, judging: GateJudging): GateResult {
  const { champion, holdout } = judging;
  if (gate.against !== 'champion') {
    const baseline = judging.baselines.get(baselineName(gate.against.baseline, gate.against.column));
    return judgeComparison(gate, baseline === undefined ? null : comparisonWith(baseline, gate, judging));
  }
  if (champion.state === 'none') return judgeComparison(gate, null);
  if (champion.state === 'scored') return judgeComparison(gate, comparisonWith(champion, gate, judging));
  const unknown = { estimate: Number.NaN, lower: Number.NaN, upper: Number.NaN, blocks: 0, rows: holdout.rows };
  const explanation = `the champion reads ${champion.missing.join(', ')}, which the training dataset of this run does not hold`;
  return { ...judgeComparison(gate, { ...unknown, state: 'no_evidence' }), explanation };
}

function comparisonWith(other: Contestant, gate: ComparisonGate, judging: GateJudging): Comparison {
  const { holdout, probabilities, seed } = judging;
  const blocks = holdout.eventTs.map((time) => Math.floor(time / MICROS_PER_DAY));
  const rows = { labels: holdout.labels, challenger: probabilities, other: other.probabilities, blocks };
  const options = { confidence: gate.confidence ?? SHOWN_CONFIDENCE, resamples: RESAMPLES, seed };
  return gate.metric === 'log_loss' ? logLossImprovement(rows, options) : rocAucImprovement(rows, options);
}
