/** Files of one training run, for trainers on other machines. They come with the run's own token, which opens nothing else. */
import { z } from 'zod';
import { ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import {
  attemptOfOwner,
  findRunFile,
  isRunFull,
  opensRunFiles,
  RUN_FILE_LIMITS,
  type RunFiles,
  RunReport,
  trainerOwner,
} from '../../domain/run-files.js';
import { isLost } from '../../domain/run-writer.js';
import { BATCH_LIMITS, isOver } from '../../domain/tracking.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { ApiDependencies } from '../dependencies.js';
import { type Call, param, type Route, route } from '../route.js';

const FILE_NAME = /^[\w.-]{1,100}$/;
/** Between two reports of a trainer, which may announce a long silence. */
const HELD_MICROS = 3_600_000_000;
const REPORT = RunReport.meta({
  examples: [{ points: [{ step: 25, timestampMs: 987_000_000_000, metrics: { train_loss: 0.42 } }] }],
});
const ATTEMPT = z.coerce.number().int().positive();

export function runFileRoutes(dependencies: ApiDependencies): Route[] {
  const { stores } = dependencies;
  const holder = async (token: string, params: Readonly<Record<string, string>>) => {
    const runId = params['run'] ?? '';
    await openedBy(dependencies, runId, token);
    return { name: `run/${runId}`, role: 'viewer' as const };
  };
  return [
    route({
      method: 'get',
      path: '/v1/runs/:run/files/:file',
      summary: 'A file of the run by its SHA-256, for the trainer that holds the token of the run',
      action: 'read',
      holder,
      response: z.unknown(),
      sends: MEDIA_TYPES.bytes,
      async handle(call) {
        const [runId, sha256] = [param(call, 'run'), param(call, 'file')];
        const files = await stores.runFiles.get(runId);
        const file = files === null ? null : findRunFile(files, sha256);
        if (file === null) throw new DomainError('PRN_RUN_FILE_MISSING', { runId, file: sha256 });
        const path = await stores.artifacts.localPath(file);
        return { body: null, file: { path, mediaType: MEDIA_TYPES.bytes, name: sha256, etag: sha256 } };
      },
    }),
    route({
      method: 'put',
      path: '/v1/runs/:run/files/:file',
      summary:
        'Leave a file with the run. Header `x-perennial-attempt` says which attempt writes: once a newer one has, an older one is refused',
      action: 'read',
      holder,
      streams: true,
      response: ArtifactRef,
      handle: (call) => receive(dependencies, call),
    }),
    route({
      method: 'post',
      path: '/v1/runs/:run/reports',
      summary: 'Metrics of the run while its trainer works, by the token and the attempt that its files take',
      action: 'read',
      holder,
      body: REPORT,
      response: z.strictObject({ kept: z.number().int() }),
      handle: (call) => keepReport(dependencies, call),
    }),
  ];
}

/**
 * Kept by the run that the trainer works for, unless it was deleted or has ended, as that of a cancelled pipeline. Of
 * several attempts the newest alone writes to it.
 */
async function keepReport({ stores }: ApiDependencies, call: Call<RunReport, unknown>) {
  const runId = param(call, 'run');
  const attempt = attemptOf(call);
  requireWriter(await stores.runFiles.get(runId), { runId, attempt });
  const run = await stores.runs.info(runId);
  if (run === null || run.lifecycle === 'deleted' || (isOver(run.status) && !isLost(run))) return { body: { kept: 0 } };
  const holder = run.writer?.owner;
  if (attemptOfOwner(holder) > attempt)
    throw new DomainError('PRN_RUN_STALE_WRITER', { runId, holder: holder ?? '', epoch: attempt });
  const owner = trainerOwner(attempt);
  const { epoch } =
    run.writer?.owner === owner
      ? run.writer
      : await stores.runs.hold(runId, { owner, forMicros: HELD_MICROS, force: true });
  const metrics = call.body.points.flatMap(({ step, timestampMs, metrics: values }) =>
    Object.entries(values).map(([key, value]) => ({ key, value, step, timestampMs })),
  );
  const kept = metrics.slice(0, BATCH_LIMITS.metrics);
  try {
    await stores.runs.log(runId, { metrics: kept }, epoch);
  } catch (error) {
    // Somebody filled the run: no reason to end the training.
    if (isDomainError(error) && error.code === 'PRN_RUN_FULL') return { body: { kept: 0 } };
    throw error;
  }
  return { body: { kept: kept.length } };
}

async function receive({ stores, uploadMaxBytes }: ApiDependencies, call: Call<unknown, unknown>) {
  const [runId, name] = [param(call, 'run'), param(call, 'file')];
  const attempt = attemptOf(call);
  if (!FILE_NAME.test(name))
    throw new DomainError('PRN_REQUEST_INVALID', {
      what: 'file name',
      problem: 'letters, digits, dot, dash and underscore only',
    });
  const files = requireWriter(await stores.runFiles.get(runId), { runId, attempt });
  requireRoom(files, uploadMaxBytes);
  const file = await stores.artifacts.receive(call.stream.chunks, MEDIA_TYPES.bytes, (bytes) => {
    if (bytes > uploadMaxBytes) throw new DomainError('PRN_UPLOAD_TOO_LARGE', { limitBytes: uploadMaxBytes });
  });
  if (!(await stores.runFiles.add(runId, { name, attempt, file })))
    requireWriter(await stores.runFiles.get(runId), { runId, attempt });
  return { body: file };
}

function attemptOf({ stream }: Pick<Call<unknown, unknown>, 'stream'>): number {
  const attempt = ATTEMPT.safeParse(stream.header('x-perennial-attempt'));
  if (attempt.success) return attempt.data;
  throw new DomainError('PRN_REQUEST_INVALID', {
    what: 'x-perennial-attempt',
    problem: 'a whole number above 0 is needed',
  });
}

/** Throws `PRN_RUN_STALE_WRITER` for an attempt that was replaced, `PRN_RUN_TOKEN_INVALID` for a run that is over. */
function requireWriter(files: RunFiles | null, { runId, attempt }: { runId: string; attempt: number }): RunFiles {
  if (files === null || files.closed) throw new DomainError('PRN_RUN_TOKEN_INVALID', { runId });
  if (files.attempt > attempt)
    throw new DomainError('PRN_RUN_STALE_WRITER', { runId, holder: `attempt ${files.attempt}`, epoch: attempt });
  return files;
}

function requireRoom(files: RunFiles, uploadMaxBytes: number): void {
  if (!isRunFull(files, uploadMaxBytes)) return;
  throw new DomainError('PRN_RUN_FILES_FULL', {
    runId: files.runId,
    files: files.outputs.length,
    bytes: files.outputs.reduce((sum, { file }) => sum + file.bytes, 0),
    maxFiles: RUN_FILE_LIMITS.files,
    maxBytes: RUN_FILE_LIMITS.uploads * uploadMaxBytes,
  });
}

async function openedBy({ stores, now }: ApiDependencies, runId: string, token: string): Promise<void> {
  const tokenDigest = sha256Hex(token);
  if (!opensRunFiles(await stores.runFiles.get(runId), tokenDigest, now()))
    throw new DomainError('PRN_RUN_TOKEN_INVALID', { runId });
}
