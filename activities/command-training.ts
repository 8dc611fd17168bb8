/** One attempt of a command trainer: lays its folder out, follows its reports, keeps its checkpoints, reads its answer. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { type ArtifactRef, MEDIA_TYPES } from '../domain/artifact.js';
import { durationMs } from '../domain/duration.js';
import { DomainError, type ErrorCode, isErrorCode } from '../domain/errors.js';
import { SamplePredictions, type TrainerAnswer, type TrainerRequest } from '../domain/external-training.js';
import { CommandLimits } from '../domain/trainer.js';
import type { ArtifactStore } from '../store/contracts/artifacts.js';
import type { CommandEnd, CommandPort, TrainerCommand } from './command-process.js';
import { putJson } from '../store/contracts/json-artifacts.js';
import { MetricHistory } from './metric-history.js';
import { keepProgramFile, readProgramFile, readProgramFileEnd } from './program-file.js';

/** What a command says on standard output, one object a line. */
const Report = z.object({
  progress: z
    .object({
      message: z.string().max(1_000),
      step: z.number().int().optional(),
      metrics: z.record(z.string().max(250), z.union([z.number(), z.string()])).optional(),
    })
    .optional(),
  /** A file in the folder of the run that another attempt can go on from. */
  checkpoint: z.string().optional(),
  error: z.object({ reason: z.string().max(2_000), code: z.string().optional() }).optional(),
});

const CommandAnswer = z.object({
  output: z.string().min(1),
  environment: z
    .object({ python: z.string().optional(), packages: z.record(z.string(), z.string()).default({}) })
    .default({ packages: {} }),
  predictedBy: z.string().default('command'),
});

const TAIL_BYTES = 1_500;
/** Of a longer log only the end is kept. */
const LOG_BYTES = 16 * 2 ** 20;
const MODEL_BYTES = 2 ** 30;
const CHECKPOINT_BYTES = 4 * 2 ** 30;
const JSON_BYTES = 64 * 2 ** 20;
/** Points and names of metrics that an answer carries. */
const HISTORY = { points: 2_000, names: 100 };
const OUT_OF_MEMORY = /MemoryError|bad_alloc|allocate memory|allocation failed|out of memory/i;

export interface CommandTraining {
  readonly request: TrainerRequest;
  readonly command: TrainerCommand;
  readonly attempt: number;
  /** Of an earlier attempt. */
  readonly checkpoint: ArtifactRef | null;
  /** Scratch folder, which the caller removes. */
  readonly folder: string;
  readonly stalledAfterMs: number;
  readonly signal: AbortSignal;
  readonly onCheckpoint: (checkpoint: ArtifactRef) => void;
}

/** Returns what the command made. Throws `PRN_TRAINER_*` with the end of its log; the whole log is an artefact. */
export async function trainWithCommand(
  { artifacts, commands }: { readonly artifacts: ArtifactStore; readonly commands: CommandPort },
  training: CommandTraining,
): Promise<TrainerAnswer> {
  const { request, command, folder, attempt } = training;
  await layOut(artifacts, training);
  const state: Followed = { metrics: new MetricHistory(HISTORY), error: null };
  const limits = CommandLimits.parse(request.limits ?? {});
  const end = await commands.run({
    command,
    folder,
    wallMs: durationMs(limits.wall),
    cpuSeconds: limits.cpuSeconds,
    memoryMb: limits.memoryMb,
    stalledAfterMs: training.stalledAfterMs,
    signal: training.signal,
    onReport: (report) => follow(artifacts, training, { state, report }),
  });
  const written = await readProgramFileEnd(join(folder, 'stderr.log'), LOG_BYTES);
  const log = written.length === 0 ? null : await artifacts.put(written, 'text/plain');
  const tail = new TextDecoder().decode(written.subarray(-TAIL_BYTES)).trim();
  const problem = problemOf(end, state, tail);
  if (problem !== null) throw new DomainError(problem.code, { log: tail, ...problem.details, logArtifact: log });
  return {
    ...(await readAnswer(artifacts, folder)),
    metrics: state.metrics.points(),
    log,
    attempt,
    trainerDigest: command.digest,
  };
}

interface Followed {
  readonly metrics: MetricHistory;
  error: Problem | null;
}

interface Problem {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
}

async function layOut(
  artifacts: ArtifactStore,
  { request, folder, attempt, checkpoint }: CommandTraining,
): Promise<void> {
  await mkdir(join(folder, 'output'), { recursive: true, mode: 0o700 });
  await copyFile(await artifacts.localPath(request.data), join(folder, 'train.parquet'));
  const resumes = checkpoint !== null && (await artifacts.exists(checkpoint));
  if (resumes) await copyFile(await artifacts.localPath(checkpoint), join(folder, 'checkpoint'));
  const files = { train: 'train.parquet', checkpoint: resumes ? 'checkpoint' : null, output: 'output' };
  await writeFile(join(folder, 'request.json'), JSON.stringify({ ...request, attempt, files }));
}

async function follow(
  artifacts: ArtifactStore,
  { folder, onCheckpoint }: CommandTraining,
  heard: { readonly state: Followed; readonly report: unknown },
): Promise<void> {
  const { success, data } = Report.safeParse(heard.report);
  if (!success) return;
  const { state } = heard;
  if (data.checkpoint !== undefined) {
    const file = join(folder, basename(data.checkpoint));
    const kept = await keepProgramFile(artifacts, file, { mediaType: MEDIA_TYPES.bytes, maxBytes: CHECKPOINT_BYTES });
    if (typeof kept !== 'string') {
      await rm(file, { force: true });
      onCheckpoint(kept);
    }
  }
  if (data.error !== undefined) {
    const { code = '', reason } = data.error;
    const known = isErrorCode(code) && code.startsWith('PRN_TRAIN');
    state.error ??= { code: known ? code : 'PRN_TRAINER_FAILED', details: { reason, problem: reason } };
  }
  const { step = state.metrics.told, metrics } = data.progress ?? {};
  if (metrics === undefined) return;
  const values = Object.entries(metrics).map(([name, value]) => [name, Number(value)] as const);
  const broken = values.find(([, value]) => !Number.isFinite(value));
  if (broken === undefined) state.metrics.add(step, Object.fromEntries(values));
  else
    state.error ??= {
      code: 'PRN_TRAINING_DIVERGED',
      details: { iteration: step, problem: `${broken[0]} is ${broken[1]}` },
    };
}

function problemOf(end: CommandEnd, { error }: Followed, log: string): Problem | null {
  if (error !== null) return error;
  if (end.kind === 'limit') return { code: 'PRN_TRAINER_LIMIT', details: { limit: end.limit } };
  if (end.kind === 'stalled') return { code: 'PRN_TRAINER_STALLED', details: { seconds: end.seconds } };
  if (end.kind === 'signalled') return { code: 'PRN_TRAINER_CRASHED', details: { how: `by ${end.signal}` } };
  if (end.code === 0) return null;
  if (OUT_OF_MEMORY.test(log)) return { code: 'PRN_TRAINER_LIMIT', details: { limit: 'memory' } };
  return { code: 'PRN_TRAINER_FAILED', details: { reason: `it ended with exit code ${end.code}` } };
}

async function readAnswer(
  artifacts: ArtifactStore,
  folder: string,
): Promise<Pick<TrainerAnswer, 'onnx' | 'output' | 'samplePredictions' | 'predictedBy' | 'environment'>> {
  const output = (name: string): string => join(folder, 'output', name);
  const answer = CommandAnswer.safeParse(await readJson(output('answer.json')));
  if (!answer.success)
    throw outputProblem(`output/answer.json: ${answer.error.issues[0]?.message ?? 'not understood'}`);
  const predicted = await readJson(output('sample-predictions.json'), null);
  const predictions = predicted === null ? null : SamplePredictions.safeParse(predicted);
  if (predictions?.success === false) throw outputProblem('output/sample-predictions.json is not rows of numbers');
  const model = { mediaType: MEDIA_TYPES.onnx, maxBytes: MODEL_BYTES };
  const onnx = await keepProgramFile(artifacts, output('model.onnx'), model);
  if (typeof onnx === 'string') throw outputProblem(`output/model.onnx ${onnx}`);
  return {
    ...answer.data,
    onnx,
    samplePredictions: predictions === null ? null : await putJson(artifacts, predictions.data),
  };
}

/** `missing` stands for a file that is not there; without it that is a problem. */
async function readJson(path: string, missing?: null): Promise<unknown> {
  const file = await readProgramFile(path, JSON_BYTES);
  if (file === 'is missing' && missing === null) return missing;
  if (typeof file === 'string') throw outputProblem(`output/${basename(path)} ${file}`);
  try {
    return JSON.parse(file.text);
  } catch {
    throw outputProblem(`output/${basename(path)} is not JSON`);
  }
}

function outputProblem(problem: string): DomainError {
  return new DomainError('PRN_TRAINER_OUTPUT', { problem });
}
