/** Trials that write down what they do: a nested run for each, which also keeps that it has ended, and how. */
import type { ArtifactRef } from '../domain/artifact.js';
import type { SearchPlan } from '../domain/search.js';
import type { Run } from '../domain/tracking.js';
import type { TrainerParameters } from '../domain/trainer.js';
import { trialMetricName, trialRunId, trialRunName, trialRunParams, trialRunTags } from '../domain/trial-run.js';
import type { RunJobOptions } from './jobs/index.js';
import type { TrialScores } from './jobs/search/trial-scoring.js';
import { leaveFailed, logProgress, nullIfDeleted, type TrackingDependencies } from './pipeline-run-log.js';
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
  fit: (options: RunJobOptions) => Promise<TrialScores>,
): Promise<number> {
  const { stores, sha256Hex } = dependencies;
  const runId = trialRunId(sha256Hex, { ...trial, plan: trial.ref.sha256 });
  const recorded = recordedLoss(await stores.runs.get(runId), trial.plan);
  if (recorded !== null) return recorded;
  const log = await openTrialRun(dependencies, trial, runId).catch(nullIfDeleted);
  if (log === null) return (await fit({})).loss;
  try {
    await log.logParams(trialRunParams(trial.plan, trial.parameters));
    const { loss, metrics } = await fit({ signal: log.takenOver, onProgress: logProgress(log) });
    log.logMetrics(namedMetrics({ ...metrics, [trial.plan.metric]: loss }), 0);
    await log.close('FINISHED');
    return loss;
  } catch (error) {
    await leaveFailed(log);
    throw error;
  }
}

function recordedLoss(run: Run | null, { metric }: SearchPlan): number | null {
  if (run?.status !== 'FINISHED') return null;
  return run.metrics.find(({ key }) => key === trialMetricName(metric))?.value ?? null;
}

function namedMetrics(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [trialMetricName(name), value]));
}

async function openTrialRun(
  { stores, now, sha256Hex, describeAttempt, lostAfterMicros }: TrackingDependencies,
  { plan, index }: TrackedTrial,
  runId: string,
): Promise<RunLog> {
  const pipeline = await stores.lifecycles.pipeline(plan.pipelineId);
  const { experimentId } = await stores.experiments.ensure(plan.model);
  return openRunLog(
    { runs: stores.runs, now, lostAfterMicros },
    {
      runId,
      experimentId,
      name: trialRunName(index),
      userId: pipeline?.requestedBy ?? '',
      status: 'RUNNING',
      startTs: now(),
      tags: trialRunTags(sha256Hex, plan, index),
      owner: describeAttempt(),
    },
  );
}
