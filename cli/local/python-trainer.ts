/** Trainers in Python without their worker: one process for one run, over the artefact folder of this one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { findPythonEnvironment } from '#scripts/support/python-environment.mjs';
import type { JobContext } from '../../activities/jobs/context.js';
import { ArtifactRef } from '../../domain/artifact.js';
import { DomainError, isErrorCode } from '../../domain/errors.js';
import { BuiltInTrainer } from '../../domain/trainer.js';
import { packageRoot } from '../supervisor/package-root.js';
import { unknownTrainer } from './trainer-choice.js';

/** One line of its standard output. */
const Said = z.object({
  progress: z.object({ message: z.string() }).optional(),
  answer: ArtifactRef.optional(),
  error: z.object({ code: z.string(), details: z.record(z.string(), z.unknown()) }).optional(),
});
type Said = z.infer<typeof Said>;

/** From SIGTERM to SIGKILL; the process gives its own attempt two seconds. */
const GRACE_MS = 5_000;
const TOLD_CHARACTERS = 1_500;

export interface PythonRun {
  /** Name that the trainer is registered by. */
  readonly name: string;
  /** See {@link findInterpreter}. */
  readonly interpreter: string;
  readonly artifactFolder: string;
  /** JSON artefact with the `TrainerRequest`. */
  readonly request: ArtifactRef;
}

/** Returns the JSON artefact with the `TrainerAnswer`. Throws `PRN_TRAINER_*`. */
export async function trainInPython(
  { progress, signal }: Pick<JobContext, 'progress' | 'signal'>,
  run: PythonRun,
): Promise<ArtifactRef> {
  const child = start(run);
  const stop = (): void => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { last, log } = await listen(child, (said) => {
      if (said.progress !== undefined) progress({ message: said.progress.message });
    });
    signal.throwIfAborted();
    if (last?.answer !== undefined) return last.answer;
    throw last?.error === undefined ? crashed(child, log) : failure(last.error, run);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Python of the environment that set-up makes. Throws `PRN_ENGINE_MISSING` with what to do. */
export async function findInterpreter(name: string): Promise<string> {
  const missing = (why: string): DomainError =>
    new DomainError('PRN_ENGINE_MISSING', {
      engine: `Trainer ${name}`,
      problem: `it is none of those that are built in (${BuiltInTrainer.options.join(', ')}), and ${why} Make the environment for trainers in Python with \`npm run setup\`, or choose another --trainer.`,
    });
  const found = await findPythonEnvironment(packageRoot(), process.env).catch((error: unknown) => {
    throw missing(error instanceof Error ? error.message : String(error));
  });
  if (found === undefined) throw missing('there is no Python here that could run it.');
  return found.interpreter;
}

function start({ interpreter, artifactFolder, request }: PythonRun): ChildProcess {
  const packages = [join(packageRoot(), 'trainers', 'python'), process.env['PYTHONPATH'] ?? ''].filter(Boolean);
  return spawn(interpreter, ['-m', 'perennial_trainer.local', artifactFolder, JSON.stringify(request)], {
    env: { ...process.env, PYTHONPATH: packages.join(delimiter) },
    // Nothing is ever written to standard input: its end tells the process that this one is gone.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

async function listen(
  child: ChildProcess,
  hear: (said: Said) => void,
): Promise<{ readonly last: Said | null; readonly log: string }> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) return { last: null, log: '' };
  let [last, log]: [Said | null, string] = [null, ''];
  stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-TOLD_CHARACTERS)));
  const closed = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  for await (const line of createInterface({ input: stdout })) {
    const said = readLine(line);
    if (said === null) continue;
    hear(said);
    last = said;
  }
  await closed;
  return { last, log };
}

/** A line that is no such object is something that a trainer printed. */
function readLine(line: string): Said | null {
  try {
    return Said.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

function failure({ code, details }: NonNullable<Said['error']>, { name }: PythonRun): DomainError {
  if (code === 'PRN_TRAINER_UNKNOWN') return unknownTrainer(name, String(details['known']).split(', '));
  if (isErrorCode(code)) return new DomainError(code, details);
  return new DomainError('PRN_TRAINER_FAILED', { reason: code, log: '', ...details });
}

function crashed({ exitCode, signalCode }: ChildProcess, log: string): DomainError {
  const how = signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`;
  return new DomainError('PRN_TRAINER_CRASHED', { how, log: log.trim() });
}
