/** Trainers outside the compute pool as activities: rows go out, an answer comes back and is checked before it is a bundle. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { durationMs } from '../domain/duration.js';
import { type ExternalRun, TrainerCheckpoint, TrainerRequest } from '../domain/external-training.js';
import type { Sha256Hex } from '../domain/ids.js';
import { pipelineRunId } from '../domain/pipeline-run.js';
import { MICROS_PER_DAY } from '../domain/time.js';
import type { Stores } from '../store/contracts/index.js';
import type { ExternalTrainingActivities } from '../workflows/contracts/training.js';
import type { CommandPort } from './command-process.js';
import { trainWithCommand } from './command-training.js';
import type { RunJob } from './jobs/index.js';
import { getJson, putJson } from '../store/contracts/json-artifacts.js';
import { candidatePlan } from './training-compute.js';

/** Longer than any option set lets a trainer take, its repetitions included. */
const FILES_OPEN_DAYS = 3;
const HEARTBEAT_EVERY_MS = 1_000;

/** What opens the files of a run to its trainer. */
export interface RunFileDependencies {
  readonly stores: Stores;
  /** Address of the API for trainers on other machines; null where there is none. */
  readonly apiUrl: string | null;
  /** 256 random bits as text. */
  readonly mintToken: () => string;
  readonly sha256Hex: Sha256Hex;
  readonly now: () => number;
}

export interface ExternalTrainingDependencies extends RunFileDependencies {
  readonly runJob: RunJob;
  readonly commands: CommandPort;
  /** A command that reports nothing for so long is ended. */
  readonly stalledAfterMs: number;
}

type Activities = Omit<ExternalTrainingActivities, 'trainExternal'>;

export function createExternalTrainingActivities(dependencies: ExternalTrainingDependencies) {
  const { stores, runJob, commands } = dependencies;
  const { artifacts } = stores;

  return {
    async prepareTrainerData({ pipelineId, ...reads }) {
      const runId = pipelineRunId(dependencies.sha256Hex, pipelineId);
      const plan = await candidatePlan(stores, reads.snapshot);
      const { request } = await runJob('prepareTrainerData', { runId, ...reads, plan });
      return openRun(dependencies, runId, request);
    },

    async trainByCommand({ request: ref }) {
      const { info, heartbeat, cancellationSignal: signal } = Context.current();
      const request = await getJson(artifacts, ref, TrainerRequest);
      const command = await commands.find(request.trainer);
      const resumed = TrainerCheckpoint.safeParse(info.heartbeatDetails);
      let checkpoint = resumed.success ? resumed.data.checkpoint : null;
      const resumeFrom = checkpoint;
      const beat = (): void => heartbeat({ checkpoint });
      beat();
      const timer = setInterval(beat, HEARTBEAT_EVERY_MS);
      const folder = await mkdtemp(join(tmpdir(), 'perennial-command-'));
      try {
        const answer = await trainWithCommand(
          { artifacts, commands },
          {
            request,
            command,
            attempt: info.attempt,
            checkpoint: resumeFrom,
            folder,
            stalledAfterMs: dependencies.stalledAfterMs,
            signal,
            onCheckpoint: (kept) => {
              checkpoint = kept;
            },
          },
        );
        return { answer: await putJson(artifacts, answer) };
      } finally {
        clearInterval(timer);
        // Told once more, so that a checkpoint is not lost between two beats.
        beat();
        await rm(folder, { recursive: true, force: true });
      }
    },

    async adoptTrainedModel({ run, ...reads }) {
      const plan = await candidatePlan(stores, reads.snapshot);
      // First, so that a late report does not take the run from whoever adopts the model.
      if (run.files !== null) await stores.runFiles.close(run.runId);
      return runJob('adoptTrainedModel', { ...reads, plan, request: run.request });
    },
  } satisfies Activities;
}

/**
 * What travels to the trainer of a request. Opens request and rows to whoever holds the token: not to a command, which
 * runs here, and to nobody where no API is configured, so that a shared disk is needed.
 */
export async function openRun(
  { stores, apiUrl, mintToken, sha256Hex, now }: RunFileDependencies,
  runId: string,
  request: Parameters<typeof getJson>[1],
): Promise<ExternalRun> {
  const { data, limits } = await getJson(stores.artifacts, request, TrainerRequest);
  if (limits !== undefined) return { runId, request, files: null, wallMs: durationMs(limits.wall) };
  if (apiUrl === null) return { runId, request, files: null };
  const token = mintToken();
  const untilTs = now() + FILES_OPEN_DAYS * MICROS_PER_DAY;
  await stores.runFiles.open({ runId, tokenDigest: sha256Hex(token), inputs: [request, data], untilTs });
  return { runId, request, files: { url: `${apiUrl}/v1/runs/${runId}`, token } };
}
