/** The run that a trial of a search leaves, nested in the run of its pipeline. */
import type { Sha256Hex } from './ids.js';
import { canonicalJson } from './canonical-json.js';
import { pipelineRunId, trainerLabel } from './pipeline-run.js';
import type { SearchPlan } from './search.js';
import { type KeyValue, PARENT_TAG, TRACKING_LIMITS } from './tracking.js';
import type { TrainerParameters } from './trainer.js';

export interface TrialKey {
  /** Digest of the plan. */
  readonly plan: string;
  readonly index: number;
  readonly parameters: TrainerParameters;
}

/** The run of a trial, 32 hexadecimal digits: another plan, or other parameters, are another run. */
export function trialRunId(sha256Hex: Sha256Hex, { plan, index, parameters }: TrialKey): string {
  return sha256Hex(canonicalJson(['trial', plan, index, parameters])).slice(0, 32);
}

/** Such as `trial-007`, so that names sort as numbers do. */
export function trialRunName(index: number): string {
  return `trial-${String(index).padStart(3, '0')}`;
}

export function trialRunTags(sha256Hex: Sha256Hex, plan: SearchPlan, index: number): KeyValue[] {
  return Object.entries({
    [PARENT_TAG]: pipelineRunId(sha256Hex, plan.pipelineId),
    'mlflow.source.type': 'JOB',
    'perennial.pipelineId': plan.pipelineId,
    'perennial.model': plan.model,
    'perennial.trial': String(index),
  }).map(([key, value]) => ({ key, value }));
}

export function trialRunParams({ trainer, task }: SearchPlan, parameters: TrainerParameters): KeyValue[] {
  return Object.entries({ trainer: trainerLabel(trainer), seed: trainer.seed, task, ...parameters }).map(
    ([key, value]) => ({
      key,
      value: String(value).slice(0, TRACKING_LIMITS.paramValue),
    }),
  );
}

/** Metrics of the rows that were put aside, under names of their own: the fitted rows have losses too. */
export function trialMetricName(metric: string): string {
  return `validation_${metric}`;
}
