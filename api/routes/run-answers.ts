/** Runs as callers see them: numbers that JSON has no sign for are written as words. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import {
  DatasetInput,
  type Experiment,
  KeyValue,
  type Metric,
  MetricEntry,
  MetricValue,
  type Run,
  RunInfo,
  showMetricValue,
} from '../../domain/tracking.js';
import type { ExperimentStore } from '../../store/contracts/experiments.js';
import type { RunStore } from '../../store/contracts/runs.js';

export const RunAnswer = RunInfo.extend({
  metrics: z.array(MetricEntry).meta({ description: 'The latest point of each' }),
  params: z.array(KeyValue),
  tags: z.array(KeyValue),
  inputs: z.array(DatasetInput),
});
export type RunAnswer = z.infer<typeof RunAnswer>;

export const MetricPointAnswer = MetricEntry.extend({
  seq: z.number().int().meta({ description: 'Its number among all points of the run, in the order of arrival' }),
  value: MetricValue,
});

/** A run as it is answered. */
export function runAnswer({ metrics, params, tags, inputs, ...info }: Run): RunAnswer {
  return { ...info, metrics: metrics.map(showMetric), params: [...params], tags: [...tags], inputs: [...inputs] };
}

export function showMetric<M extends Metric>({ value, ...point }: M): Omit<M, 'value'> & { value: MetricValue } {
  return { ...point, value: showMetricValue(value) };
}

/** Throws `PRN_RUN_NOT_FOUND`. */
export async function requireRun(runs: RunStore, runId: string): Promise<Run> {
  const run = await runs.get(runId);
  if (run === null) throw new DomainError('PRN_RUN_NOT_FOUND', { runId });
  return run;
}

/** Without what was logged to it. Throws `PRN_RUN_NOT_FOUND`. */
export async function requireRunInfo(runs: RunStore, runId: string): Promise<RunInfo> {
  const run = await runs.info(runId);
  if (run === null) throw new DomainError('PRN_RUN_NOT_FOUND', { runId });
  return run;
}

/** By id. Throws `PRN_EXPERIMENT_NOT_FOUND`. */
export async function requireExperiment(experiments: ExperimentStore, experimentId: string): Promise<Experiment> {
  const experiment = await experiments.get(experimentId);
  if (experiment !== null) return experiment;
  throw new DomainError('PRN_EXPERIMENT_NOT_FOUND', { experiment: experimentId, hint: '' });
}
