/** Jobs that write down what they do: training opens the run of its pipeline, and what the evaluation says ends it. */
import type { ArtifactRef } from '../domain/artifact.js';
import { isDomainError } from '../domain/errors.js';
import { TrainerAnswer } from '../domain/external-training.js';
import type { Evidence } from '../domain/evaluation.js';
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
import { SearchReport } from '../domain/search.js';
import { MICROS_PER_DAY, MICROS_PER_SECOND } from '../domain/time.js';
import { TrainingDataset, TrainingSnapshot } from '../domain/training.js';
import type { Stores } from '../store/contracts/index.js';
import type { JobProgress } from './jobs/context.js';
import type { JobInputs, JobName, JobResults, RunJob } from './jobs/index.js';
import { getJson } from '../store/contracts/json-artifacts.js';
import type { Clock } from './ports.js';
import { openRunLog, type RunLog } from './run-log.js';

/** After an attempt that failed: the next one comes within a minute, or the pipeline ends the run. */
const NEXT_ATTEMPT_MICROS = 600 * MICROS_PER_SECOND;
/** Between the steps of a pipeline, which may wait for a free slot. */
export const NEXT_STEP_MICROS = MICROS_PER_DAY;

export interface TrackingDependencies {
  readonly stores: Stores;
  readonly now: Clock;
  readonly sha256Hex: Sha256Hex;
  readonly environment: RunEnvironment;
  /** Names the attempt that asks: which worker, and which try it is. */
  readonly describeAttempt: () => string;
  readonly lostAfterMicros: number;
}

/** JSON artefacts that the run of a job tells of. */
interface Reads {
  readonly snapshot: ArtifactRef;
  readonly dataset: ArtifactRef;
  /** The report of the search that chose the parameters. */
  readonly search?: ArtifactRef | undefined;
  /** The answer of a trainer elsewhere. */
  readonly answer?: ArtifactRef | undefined;
}

interface TrackedJob<I, R> {
  reads(input: I): Reads;
  /** Logs what came of it. */
  finish?(log: RunLog, result: R): void | Promise<void>;
}

/** Jobs of training, each of which opens the run or goes on with it. */
const TRACKED: { readonly [N in JobName]?: TrackedJob<JobInputs[N], JobResults[N]> } = {
  prepareSearch: { reads: (input) => input },
  prepareTrainerData: { reads: (input) => input },
  trainModel: { reads: (input) => input, finish: logBundle },
  adoptTrainedModel: { reads: (input) => input, finish: logBundle },
  evaluateModel: {
    reads: (input) => input,
    finish: (log, { evidence }) => log.logMetrics(evaluationMetrics(evidence.metrics), 0),
  },
};

/** Runs jobs as before; those of a pipeline's training log to its run, and stop when another attempt took it over. */
export function trackJobs(runJob: RunJob, dependencies: TrackingDependencies): RunJob {
  return async <N extends JobName>(name: N, input: JobInputs[N], options: Parameters<RunJob>[2] = {}) => {
    const tracked = TRACKED[name];
    if (tracked === undefined) return runJob(name, input, options);
    const reads = await readsOf(dependencies.stores, tracked.reads(input));
    const log = await openPipelineRun(dependencies, reads.snapshot).catch(nullIfDeleted);
    if (log === null) return runJob(name, input, options);
    try {
      await log.write({
        params: pipelineRunParams(reads.snapshot, reads.chosen),
        inputs: pipelineRunInputs(reads.snapshot, reads.dataset),
      });
      if (reads.answer !== null) await logAnswer(log, reads.answer);
      const result = await runJob(name, input, {
        ...options,
        signal: options.signal === undefined ? log.takenOver : AbortSignal.any([options.signal, log.takenOver]),
        onProgress: (progress) => {
          logProgress(log)(progress);
          options.onProgress?.(progress);
        },
      });
      await tracked.finish?.(log, result);
      await log.leave(NEXT_STEP_MICROS);
      return result;
    } catch (error) {
      await leaveFailed(log);
      throw error;
    }
  };
}

/** The run of a pipeline whose candidate is judged. What becomes of the version is said of it later. */
export async function finishPipelineRun(
  { stores, sha256Hex }: Pick<TrackingDependencies, 'stores' | 'sha256Hex'>,
  judged: { readonly pipelineId: string; readonly outcome: Evidence['outcome'] },
): Promise<void> {
  const runId = pipelineRunId(sha256Hex, judged.pipelineId);
  if ((await stores.runs.info(runId)) === null) return;
  await tagPipelineRun({ stores, sha256Hex }, judged.pipelineId, { gates: judged.outcome });
  await stores.runs.close(runId, { status: 'FINISHED', cause: null });
}

/** The run of a pipeline that ended, whatever happened to its worker. One that has ended before stays as it is. */
export async function endPipelineRun(
  { stores, sha256Hex }: Pick<TrackingDependencies, 'stores' | 'sha256Hex'>,
  pipeline: { readonly pipelineId: string; readonly outcome: PipelineOutcome; readonly reasons: readonly string[] },
): Promise<void> {
  const status = runEndOf(pipeline.outcome);
  const runId = pipelineRunId(sha256Hex, pipeline.pipelineId);
  if (status === null) return;
  // Also of a training that failed: its trainer may still hold the token.
  await stores.runFiles.close(runId);
  if ((await stores.runs.info(runId)) === null) return;
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

async function readsOf({ artifacts }: Stores, { snapshot, dataset, search, answer }: Reads) {
  return {
    snapshot: await getJson(artifacts, snapshot, TrainingSnapshot),
    dataset: await getJson(artifacts, dataset, TrainingDataset),
    chosen: search === undefined ? null : (await getJson(artifacts, search, SearchReport)).parameters,
    answer: answer === undefined ? null : await getJson(artifacts, answer, TrainerAnswer),
  };
}

/** Keeps what a job measures, and what it measured before a checkpoint behind which nobody measures it again. */
export function logProgress(log: RunLog): (progress: JobProgress) => void {
  return ({ metrics, step, checkpoint }) => {
    if (metrics !== undefined && step !== undefined) log.logMetrics(metrics, step);
    if (checkpoint !== undefined) log.writeSoon();
  };
}

/** After an attempt that failed. */
export async function leaveFailed(log: RunLog): Promise<void> {
  await log.leave(NEXT_ATTEMPT_MICROS).catch(ignoreTakenOver);
}

async function openPipelineRun(dependencies: TrackingDependencies, snapshot: TrainingSnapshot): Promise<RunLog> {
  const { stores, now, sha256Hex, environment, describeAttempt, lostAfterMicros } = dependencies;
  const pipeline = await stores.lifecycles.pipeline(snapshot.pipelineId);
  const { experimentId } = await stores.experiments.ensure(snapshot.model);
  return openRunLog(
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
}

/** What a trainer elsewhere measured, and where it ran. */
export async function logAnswer(log: RunLog, { metrics, environment, trainerDigest }: TrainerAnswer): Promise<void> {
  for (const [index, { step = index, ...values }] of metrics.entries()) log.logMetrics(values, step);
  const { python, packages } = environment;
  const versions = { ...packages, ...(python !== undefined && { python }) };
  await log.write({
    tags: [
      { key: 'perennial.trainerDigest', value: trainerDigest },
      ...Object.entries(versions).map(([name, value]) => ({ key: `perennial.engine.${name}`, value })),
    ],
  });
}

async function logBundle(log: RunLog, { bundleDigest }: { readonly bundleDigest: string }): Promise<void> {
  await log.write({ tags: [{ key: 'perennial.bundleDigest', value: bundleDigest }] });
}

/** Whoever deletes a run, or the experiment, does not want to stop the training. */
export function nullIfDeleted(error: unknown): null {
  if (isDomainError(error) && ['PRN_RUN_DELETED', 'PRN_EXPERIMENT_NOT_FOUND'].includes(error.code)) return null;
  throw error;
}

function ignoreTakenOver(error: unknown): void {
  if (!isDomainError(error) || error.code !== 'PRN_RUN_STALE_WRITER') throw error;
}
