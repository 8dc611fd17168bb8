/** A search for parameters: what it starts from, what its trials came to, and which of them is chosen. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { DomainError } from './errors.js';
import { TrainerFeature } from './external-training.js';
import { InnerSplit } from './inner-split.js';
import { metricLabel } from './metrics.js';
import { Name } from './names.js';
import { SearchMetric } from './search-space.js';
import { Task } from './task.js';
import { TrainerParameters, TrainerSpec } from './trainer.js';

/** Features after expressions, as external trainers get them; encodings are those of the rows to fit. */
const SearchRows = z.strictObject({ data: ArtifactRef, rows: z.number().int().positive() });

/** Everything that trials share, kept as an artefact: the same snapshot and dataset give the same plan. */
export const SearchPlan = z.strictObject({
  searchVersion: z.literal(1),
  pipelineId: z.string(),
  model: Name,
  trainer: TrainerSpec,
  /** The declared parameters with the defaults of a built-in trainer: those of trial 0. */
  declared: TrainerParameters,
  task: Task,
  classes: z.array(z.string()),
  features: z.array(TrainerFeature).min(1),
  split: InnerSplit,
  /** The rows to judge on, in words. */
  validatedOn: z.string(),
  fit: SearchRows,
  /** Positions among the rows to fit whose predictions a trainer elsewhere brings; none of a built-in one. */
  sample: z.array(z.number().int().nonnegative()),
  validation: SearchRows,
  metric: SearchMetric,
  /** Trials beside trial 0. */
  trials: z.number().int().nonnegative(),
});
export type SearchPlan = z.infer<typeof SearchPlan>;

/** How a trial ended. Small, since it stands in the history of the pipeline. */
export const TrialOutcome = z.strictObject({
  index: z.number().int().nonnegative(),
  /** By the metric of the search; null of a trial that failed. */
  loss: z.number().nullable(),
  failure: z.string().optional(),
});
export type TrialOutcome = z.infer<typeof TrialOutcome>;

export const Trial = z.strictObject({
  index: z.number().int().nonnegative(),
  /** All that the trainer is told; trial 0 has the declared ones. */
  parameters: TrainerParameters,
  /** `open` while it is under way, and for good where the search ended before it did. */
  state: z.enum(['open', 'finished', 'failed']),
  loss: z.number().nullable(),
  failure: z.string().optional(),
});
export type Trial = z.infer<typeof Trial>;

/** The trials so far in order, kept as an artefact. */
export const TrialLog = z.strictObject({ trials: z.array(Trial) });
export type TrialLog = z.infer<typeof TrialLog>;

/** What ended a search. */
export const SearchEnd = z.enum(['all_trials', 'patience', 'time_budget']);
export type SearchEnd = z.infer<typeof SearchEnd>;

/** The result of a search, kept as an artefact. */
export const SearchReport = z.strictObject({
  searchVersion: z.literal(1),
  plan: ArtifactRef,
  metric: SearchMetric,
  ended: SearchEnd,
  trials: z.array(Trial).min(1),
  chosen: z.number().int().nonnegative(),
  parameters: TrainerParameters,
  /** Why these parameters, in one sentence. */
  reason: z.string(),
});
export type SearchReport = z.infer<typeof SearchReport>;

/** What a version says about the search that chose its parameters. */
export const SearchLineage = z.strictObject({
  /** JSON artefact with the `SearchReport`. */
  report: ArtifactRef,
  reason: z.string(),
});
export type SearchLineage = z.infer<typeof SearchLineage>;

/** Of the message of a trial that failed so much is kept: those of all trials under way fit in one payload. */
const FAILURE_LENGTH = 200;

/** A trial that failed is a result: the search goes on. */
export function failedTrial(index: number, message: string): TrialOutcome {
  return { index, loss: null, failure: message.slice(0, FAILURE_LENGTH) };
}

/** The log with trials that ended since; those it does not know are left out. */
export function withOutcomes(trials: readonly Trial[], outcomes: readonly TrialOutcome[]): Trial[] {
  const ended = new Map(outcomes.map((outcome) => [outcome.index, outcome]));
  return trials.map((trial) => {
    const outcome = ended.get(trial.index);
    if (outcome === undefined) return trial;
    const { loss, failure } = outcome;
    return { ...trial, loss, state: loss === null ? 'failed' : 'finished', ...(failure !== undefined && { failure }) };
  });
}

/** The trial with the lowest loss, the first of equals; null where none could be judged. */
export function bestTrial<T extends Pick<Trial, 'index' | 'loss'>>(trials: readonly T[]): T | null {
  return trials.reduce<T | null>((best, trial) => {
    if (trial.loss === null) return best;
    return best === null || best.loss === null || trial.loss < best.loss ? trial : best;
  }, null);
}

/** So many trials, the declared parameters among them, may fail before the search is given up. */
const HOPELESS_AFTER = 3;

/**
 * Whether the search is over after these trials, which are the first ones without a gap: `patience` where so many in a row
 * brought nothing better, `hopeless` where all of the first ones failed. It looks at losses in the order of the trials, so
 * that it does not matter which of them ended first.
 */
export function verdictOn(
  trials: readonly Pick<TrialOutcome, 'index' | 'loss'>[],
  patience: number | null,
): 'patience' | 'hopeless' | null {
  const best = bestTrial(trials);
  if (best === null) return trials.length >= HOPELESS_AFTER ? 'hopeless' : null;
  return patience !== null && trials.length - 1 - best.index >= patience ? 'patience' : null;
}

/** The choice among trials. Throws `PRN_SEARCH_FAILED` where none could be judged. */
export function reportOn(
  trials: readonly Trial[],
  { plan, ref, ended }: { readonly plan: SearchPlan; readonly ref: ArtifactRef; readonly ended: SearchEnd },
): SearchReport {
  const best = bestTrial(trials);
  if (best === null) {
    const reason = trials.find(({ failure }) => failure !== undefined)?.failure ?? 'none came to its end';
    throw new DomainError('PRN_SEARCH_FAILED', { model: plan.model, reason });
  }
  return {
    searchVersion: 1,
    plan: ref,
    metric: plan.metric,
    ended,
    trials: [...trials],
    chosen: best.index,
    parameters: best.parameters,
    reason: reasonOf({ trials, ended }, plan),
  };
}

/** One sentence: which trial, how good, on what, and against which alternative. */
export function reasonOf(
  { trials, ended }: { readonly trials: readonly Trial[]; readonly ended: SearchEnd },
  { metric, validation, validatedOn, trials: planned }: SearchPlan,
): string {
  const best = bestTrial(trials);
  const [declared] = trials;
  if (best === null || best.loss === null || declared === undefined) return 'no trial could be judged';
  const label = metricLabel(metric);
  const on = `on inner validation (${validatedOn}, ${validation.rows} rows)`;
  const chosen =
    best.index === 0
      ? `the declared parameters, ${label} ${best.loss.toFixed(4)} ${on}, which no trial of ${planned} was better than`
      : `trial ${best.index} of ${planned}, ${label} ${best.loss.toFixed(4)} ${on}, ${comparison(best.loss, declared.loss)}`;
  return [chosen, ...endings(trials, ended)].join('; ');
}

function comparison(loss: number, declared: number | null): string {
  return declared === null
    ? 'while the declared parameters failed'
    : `${(declared - loss).toFixed(4)} better than the declared parameters`;
}

function endings(trials: readonly Trial[], ended: SearchEnd): string[] {
  const failed = trials.filter(({ state }) => state === 'failed').length;
  const done = trials.filter(({ index, state }) => index > 0 && state !== 'open').length;
  return [
    ...(ended === 'patience' ? [`ended after ${done} trials without a better one lately`] : []),
    ...(ended === 'time_budget' ? [`ended by the time budget after ${done} trials`] : []),
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ];
}
