/** What a decision about a model rests on: how it is to be evaluated, and the evidence that came of it. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { Plots } from './evaluation-details.js';
import { Baseline, decideGates, GateResult } from './gates.js';
import { judgeBuiltIn } from './gate-results.js';
import { describeHoldoutUse, HoldoutUse } from './holdout-use.js';
import { ModelFit } from './model-fit.js';
import { EvaluationMetrics, HEADLINE_METRICS, type MetricName, metricValue } from './metrics.js';
import { ColumnName } from './names.js';
import { Task } from './task.js';

/** Costs of decisions, for a row each, in units of the user's choice. */
export const DecisionCosts = z.strictObject({
  truePositive: z.number().default(0),
  falsePositive: z.number(),
  trueNegative: z.number().default(0),
  falseNegative: z.number(),
});
export type DecisionCosts = z.infer<typeof DecisionCosts>;

/** Part of a model's spec: how its versions are evaluated. */
export const EvaluationSpec = z.strictObject({
  /**
   * What is drawn anew for intervals. `auto`: groups where the split is by group, rows with the same key where it is by the
   * hash of one, UTC days where it is by time. `row` only where no two rows share their fate.
   */
  blocks: z.enum(['auto', 'day', 'group', 'row']).default('auto'),
  /** Of the two-sided intervals of metrics. */
  confidence: z.number().gt(0.5).lt(1).default(0.95),
  resamples: z.number().int().min(200).max(10_000).default(1_000),
  /** Of a binary model: adds the metric `cost`, mean of a row. */
  costs: DecisionCosts.optional(),
  /** Columns whose values are shown one by one: features, inputs, or columns of the spine. */
  slices: z.array(ColumnName).max(20).default([]),
  /** Shown beside the model, whether a gate asks for them or not. */
  baselines: z.array(Baseline).max(10).default([]),
  /** Features that foretell the label almost alone, and may: no leakage alarm for them. */
  trusted: z.array(ColumnName).default([]),
});
export type EvaluationSpec = z.infer<typeof EvaluationSpec>;

/** One value of a column, or of two. */
export const SliceCondition = z.strictObject({ column: z.string(), value: z.string() });
export type SliceCondition = z.infer<typeof SliceCondition>;

export const SliceResult = z.strictObject({
  where: z.array(SliceCondition).min(1),
  rows: z.number().int().nonnegative(),
  /** Days, groups or rows it has a part of. */
  blocks: z.number().int().nonnegative(),
  metrics: EvaluationMetrics,
});
export type SliceResult = z.infer<typeof SliceResult>;

/** A slice that the search looked at. */
export const SearchedSlice = z.strictObject({
  where: z.array(SliceCondition).min(1),
  rows: z.number().int().nonnegative(),
  /** Mean of prediction − outcome: the calibration gap, the bias of a regression. */
  gap: z.number(),
  standardError: z.number(),
  /** Probability of so great a statistic anywhere among the slices searched, if all gaps were zero. */
  adjustedP: z.number().min(0).max(1),
});
export type SearchedSlice = z.infer<typeof SearchedSlice>;

export const SliceSearch = z.strictObject({
  state: z.enum(['ok', 'no_evidence']),
  searched: z.number().int().nonnegative(),
  /** Family-wise error of all slices together is held by the maximum statistic of the resamples. */
  method: z.literal('max-t'),
  worst: z.array(SearchedSlice),
});
export type SliceSearch = z.infer<typeof SliceSearch>;

export const Alarm = z.strictObject({
  kind: z.enum(['target_in_features', 'feature_too_good', 'keys_shared', 'times_shared']),
  /** The column it is about, or the part of the data. */
  subject: z.string(),
  /** What was measured, and the limit it passed. */
  value: z.number(),
  limit: z.number(),
  explanation: z.string(),
});
export type Alarm = z.infer<typeof Alarm>;

/** What a model loses where one of its inputs tells nothing any more. */
export const RobustnessResult = z.strictObject({
  input: z.string(),
  change: z.enum(['missing', 'shuffled']),
  metric: z.string(),
  /** Of the unchanged rows, and of the changed ones; null where the model cannot answer these. */
  before: z.number(),
  after: z.number().nullable(),
  /** How much worse: positive is worse. */
  drop: z.number().nullable(),
});
export type RobustnessResult = z.infer<typeof RobustnessResult>;

/** What a decision rests on. Its digest binds an approval; a moved champion makes it stale. */
export const Evidence = z.strictObject({
  evidenceVersion: z.literal(2),
  task: Task,
  rows: z.number().int().nonnegative(),
  /** What intervals were resampled by, and how many of them there are. */
  blocks: z.strictObject({ kind: z.enum(['day', 'group', 'row']), count: z.number().int().nonnegative() }),
  /** SHA-256 over times, labels and weights of the holdout: the same rows whatever features were tried on them. */
  holdoutDigest: z.string(),
  /** Null where nobody keeps count, as in a local run. */
  holdoutUse: HoldoutUse.nullable(),
  decisionThreshold: z.number().min(0).max(1).nullable(),
  metrics: EvaluationMetrics,
  /** Null where there is none, or where it cannot answer the same rows. */
  championMetrics: EvaluationMetrics.nullable(),
  baselineMetrics: z.record(z.string(), EvaluationMetrics),
  championVersion: z.number().int().positive().nullable(),
  aliasRevision: z.number().int().nonnegative(),
  slices: z.array(SliceResult),
  sliceSearch: SliceSearch,
  alarms: z.array(Alarm),
  robustness: z.array(RobustnessResult),
  /** Left out where the model says nothing of itself: a baseline, or one that was fitted elsewhere. */
  fit: ModelFit.optional(),
  /** JSON artefact with curves, classes and confusion: see `EvaluationDetails`. */
  details: ArtifactRef,
  plots: Plots,
  gates: z.array(GateResult),
  outcome: z.enum(['passed', 'rejected']),
  reasons: z.array(z.string()),
});
export type Evidence = z.infer<typeof Evidence>;

/** Of a version that was not evaluated: no rows, no metrics, no gates. `details` holds empty details. */
export function unjudgedEvidence(task: Task, details: ArtifactRef): Evidence {
  return {
    evidenceVersion: 2,
    task,
    rows: 0,
    blocks: { kind: 'row', count: 0 },
    holdoutDigest: '',
    holdoutUse: null,
    decisionThreshold: null,
    metrics: {},
    championMetrics: null,
    baselineMetrics: {},
    championVersion: null,
    aliasRevision: 0,
    slices: [],
    sliceSearch: { state: 'no_evidence', searched: 0, method: 'max-t', worst: [] },
    alarms: [],
    robustness: [],
    details,
    plots: {},
    gates: [],
    outcome: 'passed',
    reasons: [],
  };
}

/** Adds what is known of the holdout's use, and the gate that follows from it; decides anew. */
export function withHoldoutUse(evidence: Evidence, holdoutUse: HoldoutUse): Evidence {
  const used = judgeBuiltIn(
    { check: 'holdout_use' },
    {
      found: holdoutUse.promotedVersion === null ? 0 : 1,
      rows: evidence.rows,
      explanation: describeHoldoutUse(holdoutUse, evidence.rows),
    },
  );
  const gates = [...evidence.gates, used];
  return { ...evidence, holdoutUse, gates, ...decideGates(gates) };
}

/** One of the few numbers that stand for all others. */
export interface HeadlineMetric {
  readonly metric: MetricName;
  readonly value: number | null;
  readonly champion: number | null;
}

export function headlineOf({
  task,
  metrics,
  championMetrics,
}: Pick<Evidence, 'task' | 'metrics' | 'championMetrics'>): HeadlineMetric[] {
  return HEADLINE_METRICS[task].map((metric) => ({
    metric,
    value: metricValue(metrics, metric),
    champion: championMetrics === null ? null : metricValue(championMetrics, metric),
  }));
}

/** One line a gate, as a status card shows it. */
export function gateLine({ verdict, explanation }: Pick<GateResult, 'verdict' | 'explanation'>): string {
  return `${verdict.replaceAll('_', ' ')} — ${explanation}`;
}
