/** The Python worker as a process of its own, on the Temporal server of the test run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { findPythonEnvironment } from '#scripts/support/python-environment.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const READY = 'serving train-python';

export interface PythonWorker {
  readonly pid: number;
  /** As a power cut would. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves once the worker polls. `environment` comes on top of what every one needs. */
export async function startPythonWorker(
  temporalAddress: string,
  environment: Readonly<Record<string, string>>,
): Promise<PythonWorker> {
  const found = await findPythonEnvironment(ROOT);
  if (found === undefined) throw new Error('the Python environment is missing; run `npm run setup` first');
  const child = spawn(found.interpreter, ['-m', 'perennial_trainer'], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PYTHONPATH: `${ROOT}trainers/python`,
      TEMPORAL_ADDRESS: temporalAddress,
      PERENNIAL_TIMING: 'test',
      PERENNIAL_TRAINER_THREADS: '1',
      PERENNIAL_TRAINERS: fileURLToPath(new URL('./trainers.py', import.meta.url)),
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // A test that is cut off leaves no worker behind.
  process.once('exit', () => child.kill('SIGKILL'));
  await untilReady(child);
  const exited = once(child, 'exit');
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return { pid: child.pid ?? 0, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

async function untilReady(child: ChildProcess): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (said.includes(READY)) resolve();
    });
    child.once('exit', () => reject(new Error(`the Python worker ended: ${said}`)));
    child.once('error', reject);
  });
}
