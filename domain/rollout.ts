/** Rollouts: the plan of steps, the evidence of a step, and the pure verdict on it. */
import { z } from 'zod';
import { durationMicros } from './duration.js';
import type { Route } from './endpoint.js';
import { type Guardrail, RolloutSpec } from './model.js';
import { Name } from './names.js';

export const RolloutState = z.enum([
  'waiting_for_endpoint',
  'shadow',
  'canary',
  'baking',
  'completed',
  'rolled_back',
  'superseded',
  'aborted',
  'stale_evidence',
]);
export type RolloutState = z.infer<typeof RolloutState>;

export const RolloutStepKind = z.enum(['direct', 'shadow', 'canary', 'bake']);
export type RolloutStepKind = z.infer<typeof RolloutStepKind>;

export const RolloutStep = z.strictObject({
  index: z.number().int().nonnegative(),
  kind: RolloutStepKind,
  /** Traffic of the new version, percent. */
  weight: z.number(),
  forMicros: z.number().int().nonnegative(),
  minRows: z.number().int().nonnegative(),
});
export type RolloutStep = z.infer<typeof RolloutStep>;

export const GuardrailVerdict = z.strictObject({
  metric: z.string(),
  verdict: z.enum(['satisfied', 'breached', 'no_evidence']),
  observed: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  limit: z.number(),
  rows: z.number().int(),
  explanation: z.string(),
});
export type GuardrailVerdict = z.infer<typeof GuardrailVerdict>;

/** Numbers of one step, taken from rows of its own route revision only. Null where there was nothing to measure. */
export const StepEvidence = z.strictObject({
  rolloutId: z.string(),
  step: z.number().int(),
  rev: z.number().int(),
  from: z.number().int(),
  watermark: z.number().int(),
  /** Rows the new version answered, live or in shadow. */
  rows: z.number().int(),
  failedRows: z.number().int(),
  latencyP99Ms: z.number().nullable(),
  paired: z.strictObject({ rows: z.number().int(), meanHarm: z.number(), standardError: z.number() }).nullable(),
});
export type StepEvidence = z.infer<typeof StepEvidence>;

export interface StepVerdict {
  readonly action: 'rollback' | 'hold' | 'proceed';
  readonly guardrails: readonly GuardrailVerdict[];
  readonly reasons: readonly string[];
}

export const Rollout = z.strictObject({
  rolloutId: z.string(),
  endpoint: Name,
  model: Name,
  version: z.number().int().positive(),
  fromVersion: z.number().int().positive().nullable(),
  requestId: z.string(),
  workflowId: z.string(),
  spec: RolloutSpec,
  state: RolloutState,
  steps: z.array(
    z.strictObject({
      index: z.number().int(),
      kind: RolloutStepKind,
      weight: z.number(),
      rev: z.number().int(),
      startedAt: z.number().int(),
      endedAt: z.number().int().nullable(),
      verdict: z.string().nullable(),
    }),
  ),
  /** Last watermark (or wall time) at which the current step was judged, microseconds. */
  judgedAt: z.number().int().nullable(),
  reason: z.string(),
  startedTs: z.number().int(),
  endedTs: z.number().int().nullable(),
});
export type Rollout = z.infer<typeof Rollout>;

/** The steps a spec means. Without a champion there is nothing to compare with, so the version takes all traffic at once. */
export function planRollout(spec: RolloutSpec, hasChampion: boolean): RolloutStep[] {
  const kinds: Omit<RolloutStep, 'index'>[] = [];
  if (!hasChampion) {
    kinds.push({ kind: 'direct', weight: 100, forMicros: 0, minRows: 0 });
  } else {
    if (spec.shadow !== undefined)
      kinds.push({ kind: 'shadow', weight: 0, forMicros: 0, minRows: spec.shadow.minRows });
    for (const step of spec.canary) {
      kinds.push({ kind: 'canary', weight: step.weight, forMicros: durationMicros(step.for), minRows: spec.minRows });
    }
    kinds.push({ kind: 'bake', weight: 100, forMicros: durationMicros(spec.bake), minRows: 0 });
  }
  return kinds.map((step, index) => ({ index, ...step }));
}

/** The routes of a step: the new version beside the champion, both scoring the same rows while they are compared. */
export function routesOfStep(
  step: RolloutStep,
  versions: { readonly from: number | null; readonly to: number },
): { routes: Route[]; shadow: number[] } {
  const { from, to } = versions;
  if (from === null || step.kind === 'direct') return { routes: [{ version: to, weight: 100 }], shadow: [] };
  if (step.kind === 'shadow') return { routes: [{ version: from, weight: 100 }], shadow: [to] };
  if (step.kind === 'bake') return { routes: [{ version: to, weight: 100 }], shadow: [from] };
  return {
    routes: [
      { version: from, weight: 100 - step.weight },
      { version: to, weight: step.weight },
    ],
    shadow: [from, to],
  };
}

/** One-sided normal quantile of the confidences guardrails may ask for; other values use the next stricter one. */
function zOf(confidence: number): number {
  if (confidence <= 0.9) return 1.2816;
  if (confidence <= 0.95) return 1.6449;
  if (confidence <= 0.99) return 2.3263;
  return 3.0902;
}

export function judgeGuardrail(guardrail: Guardrail, evidence: StepEvidence, minRows: number): GuardrailVerdict {
  if ('against' in guardrail) return judgePairedHarm(guardrail, evidence, minRows);
  const observed =
    guardrail.metric === 'error_rate'
      ? evidence.rows === 0
        ? null
        : evidence.failedRows / evidence.rows
      : evidence.latencyP99Ms;
  const base = {
    metric: guardrail.metric,
    observed,
    lower: null,
    upper: null,
    limit: guardrail.max,
    rows: evidence.rows,
  };
  if (observed === null) return { ...base, verdict: 'no_evidence', explanation: `${guardrail.metric}: no rows yet` };
  const breached = observed > guardrail.max;
  return {
    ...base,
    verdict: breached ? 'breached' : 'satisfied',
    explanation: `${guardrail.metric} ${observed.toFixed(4)} ${breached ? 'exceeds' : 'is within'} ${guardrail.max}`,
  };
}

/** Breached: harm above the limit and surely positive. Satisfied: surely below the limit. Otherwise there is no evidence. */
function judgePairedHarm(
  guardrail: Extract<Guardrail, { against: 'champion' }>,
  evidence: StepEvidence,
  minRows: number,
): GuardrailVerdict {
  const { paired } = evidence;
  const loss = guardrail.metric.replace('_', ' ');
  const base = { metric: guardrail.metric, limit: guardrail.maxHarm, rows: paired?.rows ?? 0 };
  if (paired === null || paired.rows < Math.max(2, minRows)) {
    const explanation = `${loss}: ${paired?.rows ?? 0} labelled rows scored by both versions, ${minRows} needed`;
    return {
      ...base,
      verdict: 'no_evidence',
      observed: paired?.meanHarm ?? null,
      lower: null,
      upper: null,
      explanation,
    };
  }
  const margin = zOf(guardrail.confidence) * paired.standardError;
  const [lower, upper] = [paired.meanHarm - margin, paired.meanHarm + margin];
  const verdict =
    paired.meanHarm > guardrail.maxHarm && lower > 0
      ? 'breached'
      : upper <= guardrail.maxHarm
        ? 'satisfied'
        : 'no_evidence';
  const explanation = `${loss} harm ${paired.meanHarm.toFixed(4)} [${lower.toFixed(4)}, ${upper.toFixed(4)}] against a limit of ${guardrail.maxHarm}`;
  return { ...base, verdict, observed: paired.meanHarm, lower, upper, explanation };
}

/**
 * The verdict on a step: reasons to roll back come first, then the amount of evidence, then the guardrails without
 * evidence, and only then leave to go on. `elapsed` is time on the endpoint's clock since the step began.
 */
export function judgeStep(input: {
  readonly step: RolloutStep;
  readonly spec: RolloutSpec;
  readonly evidence: StepEvidence;
  readonly elapsedMicros: number;
}): StepVerdict {
  const { step, spec, evidence, elapsedMicros } = input;
  const guardrails = spec.guardrails.map((guardrail) => judgeGuardrail(guardrail, evidence, step.minRows));
  const breached = guardrails.filter(({ verdict }) => verdict === 'breached');
  if (breached.length > 0)
    return { action: 'rollback', guardrails, reasons: breached.map(({ explanation }) => explanation) };
  if (elapsedMicros < step.forMicros)
    return { action: 'hold', guardrails, reasons: ['the time of this step is not over'] };
  if (step.kind === 'bake' || step.kind === 'direct')
    return { action: 'proceed', guardrails, reasons: ['no guardrail was breached'] };
  const unproven = step.kind === 'shadow' ? [] : guardrails.filter(({ verdict }) => verdict === 'no_evidence');
  const reasons = unproven.map(({ explanation }) => explanation);
  if (evidence.rows < step.minRows) reasons.unshift(`${evidence.rows} rows so far, ${step.minRows} needed`);
  if (reasons.length === 0) return { action: 'proceed', guardrails, reasons: ['all guardrails are satisfied'] };
  const action = evidence.rows < step.minRows && step.kind === 'shadow' ? 'hold' : spec.noEvidence;
  return { action, guardrails, reasons };
}
