/** Judges gates on resampled holdout metrics: bounds, comparisons on the same rows, and every value of a slice. */
import type { Alarm, Evidence } from '../../domain/evaluation.js';
import { judgeBound, judgeBuiltIn, judgeComparison, judgeSlices } from '../../domain/gate-results.js';
import {
  baselineName,
  type ComparisonGate,
  type Gate,
  type GateResult,
  type Observation,
  SHOWN_CONFIDENCE,
  type SliceGate,
} from '../../domain/gates.js';
import { improvement, NOTHING_RESAMPLED, type ResampledMetrics } from '../../ml/evaluation/bootstrap.js';
import { intervalOf, type Resampled } from '../../ml/evaluation/intervals.js';
import type { Champion } from './contestants.js';
import type { ResampledContestants } from './resampled-contestants.js';
import type { SlicedColumn } from './slice-metrics.js';

export interface GateJudging {
  readonly gates: readonly Gate[];
  readonly blocks: Evidence['blocks'];
  readonly resampled: ResampledContestants;
  readonly champion: Champion;
  readonly slices: readonly SlicedColumn[];
  readonly alarms: readonly Alarm[];
}

/** Results in the order of the gates, the built-in one last. */
export function judgeGates(judging: GateJudging): GateResult[] {
  return [...judging.gates.map((gate) => judge(gate, judging)), leakage(judging)];
}

function judge(gate: Gate, judging: GateJudging): GateResult {
  if ('slice' in gate) return slices(gate, judging);
  if ('against' in gate) return compare(gate, judging);
  const { challenger } = judging.resampled;
  return judgeBound(gate, observe(challenger.of(gate.metric), { gate, judging, of: challenger }));
}

function compare(gate: ComparisonGate, judging: GateJudging): GateResult {
  const { champion, resampled } = judging;
  const against = (other: ResampledMetrics): GateResult => {
    const difference = improvement(resampled.challenger, other, gate.metric);
    return judgeComparison(gate, observe(difference, { gate, judging, of: resampled.challenger }));
  };
  if (gate.against !== 'champion') {
    const baseline = resampled.baselines.get(baselineName(gate.against));
    return baseline === undefined ? judgeComparison(gate, null) : against(baseline);
  }
  if (resampled.champion !== null) return against(resampled.champion);
  if (champion.state !== 'not_comparable') return judgeComparison(gate, null);
  const result = judgeComparison(gate, observe(NOTHING_RESAMPLED, { gate, judging, of: resampled.challenger }));
  return { ...result, explanation: champion.reason };
}

function slices(gate: SliceGate, judging: GateJudging): GateResult {
  const levels = judging.slices.find(({ column }) => column === gate.slice)?.levels ?? [];
  const large = levels.filter(({ rows }) => rows >= gate.minRows);
  const observed = large.flatMap(({ value, resampled }) =>
    resampled === null ? [] : [{ value, ...observe(resampled.of(gate.metric), { gate, judging, of: resampled }) }],
  );
  return judgeSlices(gate, observed, levels.length - observed.length);
}

function observe(
  resampled: Resampled,
  { gate, judging, of }: { gate: Gate; judging: GateJudging; of: ResampledMetrics },
): Observation {
  const interval = intervalOf(resampled, 1 - (gate.confidence ?? SHOWN_CONFIDENCE));
  return {
    estimate: resampled.estimate,
    lower: interval?.lower ?? Number.NaN,
    upper: interval?.upper ?? Number.NaN,
    rows: of.rows,
    blocks: of.units,
    unit: judging.blocks.kind,
  };
}

/** Reasons travel through workflows and onto cards; the evidence has all alarms. */
const TOLD_ALARMS = 5;

function leakage({ alarms, resampled }: GateJudging): GateResult {
  const { rows } = resampled.challenger;
  const told = alarms.slice(0, TOLD_ALARMS).map((alarm) => alarm.explanation);
  const more = alarms.length > TOLD_ALARMS ? [`and ${alarms.length - TOLD_ALARMS} more`] : [];
  const explanation = alarms.length === 0 ? 'nothing suspicious' : [...told, ...more].join('; ');
  return judgeBuiltIn({ check: 'leakage' }, { found: alarms.length, rows, explanation });
}
