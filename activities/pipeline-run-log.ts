/** Jobs that write down what they do: training opens the run of its pipeline, evaluation closes it. */
import type { ArtifactRef } from '../domain/artifact.js';
import { isDomainError } from '../domain/errors.js';
import type { Sha256Hex } from '../domain/ids.js';
import {
  evaluationMetrics,
  pipelineRunId,
  pipelineRunInputs,
  pipelineRunParams,
  pipelineRunTags,
  type RunEnvironment,
  runEndOf,
} from '../domain/pipeline-run.js';
import type { PipelineOutcome } from '../domain/pipeline.js';
import { MICROS_PER_DAY, MICROS_PER_SECOND } from '../domain/time.js';
import { TrainingDataset, TrainingSnapshot } from '../domain/training.js';
import type { Stores } from '../store/contracts/index.js';
import type { JobInputs, JobName, JobResults, RunJob } from './jobs/index.js';
import { getJson } from './json-artifacts.js';
import type { Clock } from './ports.js';
import { openRunLog, type RunLog } from './run-log.js';

/** After an attempt that failed: the next one comes within a minute, or the pipeline ends the run. */
const NEXT_ATTEMPT_MICROS = 600 * MICROS_PER_SECOND;
/** Between the steps of a pipeline, which may wait for a free slot. */
const NEXT_STEP_MICROS = MICROS_PER_DAY;

export interface TrackingDependencies {
  readonly stores: Stores;
  readonly now: Clock;
  readonly sha256Hex: Sha256Hex;
  readonly environment: RunEnvironment;
  /** Names the attempt that asks: which worker, and which try it is. */
  readonly describeAttempt: () => string;
  readonly lostAfterMicros: number;
}

interface Tracked {
  readonly snapshot: ArtifactRef;
  readonly dataset: ArtifactRef;
}

/** Runs jobs as before; those of a pipeline's training log to its run, and stop when another attempt took it over. */
export function trackJobs(runJob: RunJob, dependencies: TrackingDependencies): RunJob {
  return async <N extends JobName>(name: N, input: JobInputs[N], options: Parameters<RunJob>[2] = {}) => {
    if (name !== 'trainModel' && name !== 'evaluateModel') return runJob(name, input, options);
    // The border: both jobs name what they read alike.
    const log = await openPipelineRun(dependencies, input as unknown as Tracked).catch(nullIfDeleted);
    if (log === null) return runJob(name, input, options);
    try {
      const result = await runJob(name, input, {
        ...options,
        signal: options.signal === undefined ? log.takenOver : AbortSignal.any([options.signal, log.takenOver]),
        onProgress: (progress) => {
          if (progress.metrics !== undefined && progress.step !== undefined)
            log.logMetrics(progress.metrics, progress.step);
          options.onProgress?.(progress);
        },
      });
      if (name === 'evaluateModel') await closeEvaluated(log, result as JobResults['evaluateModel']);
      else await leaveTrained(log, result as JobResults['trainModel']);
      return result;
    } catch (error) {
      await log.leave(NEXT_ATTEMPT_MICROS).catch(ignoreTakenOver);
      throw error;
    }
  };
}

/** The run of a pipeline that ended, whatever happened to its worker. One that its evaluation closed stays as it is. */
export async function endPipelineRun(
  { stores, sha256Hex }: Pick<TrackingDependencies, 'stores' | 'sha256Hex'>,
  pipeline: { readonly pipelineId: string; readonly outcome: PipelineOutcome; readonly reasons: readonly string[] },
): Promise<void> {
  const status = runEndOf(pipeline.outcome);
  const runId = pipelineRunId(sha256Hex, pipeline.pipelineId);
  if (status === null || (await stores.runs.get(runId)) === null) return;
  const cause = status === 'FINISHED' ? null : `${pipeline.outcome}: ${pipeline.reasons.join('; ')}`;
  await stores.runs.close(runId, { status, cause });
  await tagPipelineRun({ stores, sha256Hex }, pipeline.pipelineId, { outcome: pipeline.outcome });
}

/** Says of a pipeline's run what became of it, such as the version it made. Nothing where there is no run. */
export async function tagPipelineRun(
  { stores, sha256Hex }: Pick<TrackingDependencies, 'stores' | 'sha256Hex'>,
  pipelineId: string,
  facts: Readonly<Record<string, string>>,
): Promise<void> {
  const tags = Object.entries(facts).map(([key, value]) => ({ key: `perennial.${key}`, value }));
  await stores.runs.log(pipelineRunId(sha256Hex, pipelineId), { tags }, null).catch((error: unknown) => {
    if (!isDomainError(error) || !['PRN_RUN_NOT_FOUND', 'PRN_RUN_DELETED'].includes(error.code)) throw error;
  });
}

async function openPipelineRun(dependencies: TrackingDependencies, input: Tracked): Promise<RunLog> {
  const { stores, now, sha256Hex, environment, describeAttempt, lostAfterMicros } = dependencies;
  const snapshot = await getJson(stores.artifacts, input.snapshot, TrainingSnapshot);
  const dataset = await getJson(stores.artifacts, input.dataset, TrainingDataset);
  const pipeline = await stores.lifecycles.pipeline(snapshot.pipelineId);
  const { experimentId } = await stores.experiments.ensure(snapshot.model);
  const log = await openRunLog(
    { runs: stores.runs, now, lostAfterMicros },
    {
      runId: pipelineRunId(sha256Hex, snapshot.pipelineId),
      experimentId,
      name: `pipeline-${snapshot.pipelineId.slice(0, 8)}`,
      userId: pipeline?.requestedBy ?? '',
      status: 'RUNNING',
      startTs: now(),
      tags: pipelineRunTags(snapshot, pipeline, environment),
      owner: describeAttempt(),
    },
  );
  await log.logParams(pipelineRunParams(snapshot));
  await log.logInputs(pipelineRunInputs(snapshot, dataset));
  return log;
}

async function leaveTrained(log: RunLog, { bundleDigest }: JobResults['trainModel']): Promise<void> {
  await log.setTags([{ key: 'perennial.bundleDigest', value: bundleDigest }]);
  await log.leave(NEXT_STEP_MICROS);
}

async function closeEvaluated(log: RunLog, { evidence }: JobResults['evaluateModel']): Promise<void> {
  log.logMetrics(evaluationMetrics(evidence.metrics), 0);
  await log.setTags([{ key: 'perennial.gates', value: evidence.outcome }]);
  await log.close('FINISHED');
}

/** Whoever deletes a run, or the experiment, does not want to stop the training. */
function nullIfDeleted(error: unknown): null {
  if (isDomainError(error) && ['PRN_RUN_DELETED', 'PRN_EXPERIMENT_NOT_FOUND'].includes(error.code)) return null;
  throw error;
}

function ignoreTakenOver(error: unknown): void {
  if (!isDomainError(error) || error.code !== 'PRN_RUN_STALE_WRITER') throw error;
}
