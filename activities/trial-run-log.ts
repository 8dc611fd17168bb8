/** Trials that write down what they do: a nested run for each, which also keeps that it has ended, and how. */
import type { ArtifactRef } from '../domain/artifact.js';
import type { SearchPlan } from '../domain/search.js';
import type { Run } from '../domain/tracking.js';
import type { TrainerParameters } from '../domain/trainer.js';
import { trialMetricName, trialRunId, trialRunName, trialRunParams, trialRunTags } from '../domain/trial-run.js';
import type { RunJobOptions } from './jobs/index.js';
import type { TrialScores } from './jobs/search/trial-scoring.js';
import {
  leaveFailed,
  logProgress,
  NEXT_STEP_MICROS,
  nullIfDeleted,
  type TrackingDependencies,
} from './pipeline-run-log.js';
import { openRunLog, type RunLog } from './run-log.js';

export interface TrackedTrial {
  readonly ref: ArtifactRef;
  readonly plan: SearchPlan;
  readonly index: number;
  readonly parameters: TrainerParameters;
}

/** The loss of the trial: from its run, where that has ended, else from `fit`. A deleted run keeps nothing. */
export async function trackTrial(
  dependencies: TrackingDependencies,
  trial: TrackedTrial,
  fit: (options: RunJobOptions, log: RunLog | null) => Promise<TrialScores>,
): Promise<number> {
  const recorded = recordedLoss(await dependencies.stores.runs.get(runIdOf(dependencies, trial)), trial.plan);
  if (recorded !== null) return recorded;
  const log = await openTrialRun(dependencies, trial);
  if (log === null) return (await fit({}, null)).loss;
  try {
    const { loss, metrics } = await fit({ signal: log.takenOver, onProgress: logProgress(log) }, log);
    log.logMetrics(namedMetrics({ ...metrics, [trial.plan.metric]: loss }), 0);
    await log.close();
    return loss;
  } catch (error) {
    await leaveFailed(log);
    throw error;
  }
}

/** Begins the run of a trial that is fitted elsewhere. */
export async function beginTrialRun(dependencies: TrackingDependencies, trial: TrackedTrial): Promise<string> {
  const log = await openTrialRun(dependencies, trial);
  await log?.leave(NEXT_STEP_MICROS);
  return runIdOf(dependencies, trial);
}

function runIdOf({ sha256Hex }: TrackingDependencies, { ref, index, parameters }: TrackedTrial): string {
  return trialRunId(sha256Hex, { plan: ref.sha256, index, parameters });
}

function recordedLoss(run: Run | null, { metric }: SearchPlan): number | null {
  if (run?.status !== 'FINISHED') return null;
  return run.metrics.find(({ key }) => key === trialMetricName(metric))?.value ?? null;
}

function namedMetrics(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [trialMetricName(name), value]));
}

/** Null where somebody deleted the run. */
async function openTrialRun(dependencies: TrackingDependencies, trial: TrackedTrial): Promise<RunLog | null> {
  const { stores, now, sha256Hex, describeAttempt, lostAfterMicros } = dependencies;
  const { plan, index, parameters } = trial;
  const pipeline = await stores.lifecycles.pipeline(plan.pipelineId);
  const { experimentId } = await stores.experiments.ensure(plan.model);
  const log = await openRunLog(
    { runs: stores.runs, now, lostAfterMicros },
    {
      runId: runIdOf(dependencies, trial),
      experimentId,
      name: trialRunName(index),
      userId: pipeline?.requestedBy ?? '',
      status: 'RUNNING',
      startTs: now(),
      tags: trialRunTags(sha256Hex, plan, index),
      owner: describeAttempt(),
    },
  ).catch(nullIfDeleted);
  await log?.write({ params: trialRunParams(plan, parameters) });
  return log;
}
