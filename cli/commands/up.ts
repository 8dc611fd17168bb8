import type { Command } from 'commander';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { renderAddresses } from '../addresses.js';
import { ChildGroup } from '../supervisor/child-group.js';
import { defaultDataDir } from '../supervisor/data-dir.js';
import { lockHolder } from '../supervisor/data-lock.js';
import { type Stack, type StackEvent, startStack } from '../supervisor/stack.js';
import { type StackAddresses, readStackState } from '../supervisor/stack-state.js';

const Port = z.coerce.number().int().min(1).max(65_535).optional();
const UpOptions = z.object({
  data: z.string(),
  detach: z.boolean().optional(),
  apiPort: Port,
  servingPort: Port,
  temporalPort: Port,
  uiPort: Port,
  mongoPort: Port,
});
type UpOptions = z.infer<typeof UpOptions>;

const DETACH_TIMEOUT_MS = 10 * 60_000;
const STATE_POLL_MS = 200;

/** Adds `perennial up`: start and supervise the local stack until Ctrl-C, or in the background with `--detach`. */
export function registerUpCommand(program: Command): void {
  program
    .command('up')
    .description(
      'start MongoDB, Temporal, worker, API, serving and the Python trainer on this machine and keep them running',
    )
    .option('--data <folder>', 'where everything is kept', defaultDataDir())
    .option('--detach', 'return once everything is healthy; stop it with `perennial down`')
    .option('--api-port <port>', 'port of the API (8080 where free)')
    .option('--serving-port <port>', 'port of serving (8090 where free)')
    .option('--temporal-port <port>', 'port of the Temporal server (7233 where free)')
    .option('--ui-port <port>', 'port of the Temporal Web UI (8233 where free)')
    .option('--mongo-port <port>', 'port of MongoDB (27227 where free)')
    .action(async (raw: unknown) => {
      const parsed = UpOptions.safeParse(raw);
      if (!parsed.success) throw invalidOption(parsed.error);
      await (parsed.data.detach === true ? upDetached(parsed.data) : upForeground(parsed.data));
    });
}

async function upForeground(options: UpOptions): Promise<void> {
  const stopping = new AbortController();
  let interrupts = 0;
  const onSignal = (): void => {
    interrupts += 1;
    // The exit hook ends every child at once; a person who presses Ctrl-C twice does not want to wait.
    if (interrupts > 1) process.exit(130);
    process.stderr.write('stopping; press Ctrl-C again to end everything at once\n');
    stopping.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  const stack = await startOrInterrupt(options, stopping.signal);
  if (stack === undefined) return;
  process.stdout.write(describeAddresses(stack.addresses));
  if (!stopping.signal.aborted) await new Promise((done) => stopping.signal.addEventListener('abort', done));
  await stack.stop();
}

async function startOrInterrupt(options: UpOptions, signal: AbortSignal): Promise<Stack | undefined> {
  try {
    return await startStack({
      dataDir: options.data,
      fixedPorts: {
        mongo: options.mongoPort,
        temporal: options.temporalPort,
        ui: options.uiPort,
        api: options.apiPort,
        serving: options.servingPort,
      },
      pythonTrainer: true,
      signal,
      onEvent: printEvent,
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Starts this same command in the background and waits until its state file says that everything is healthy. */
async function upDetached(options: UpOptions): Promise<void> {
  const dataDir = resolve(options.data);
  const holder = lockHolder(dataDir);
  if (holder !== undefined) throw new DomainError('PRN_DATA_FOLDER_IN_USE', { folder: dataDir, pid: holder });
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
  const logPath = join(dataDir, 'logs', 'supervisor.log');
  const [script = ''] = process.argv.slice(1);
  const args = process.argv.slice(2).filter((argument) => argument !== '--detach');
  const supervisor = await ChildGroup.spawn({
    command: process.execPath,
    args: [...process.execArgv, script, ...args],
    env: process.env,
    cwd: process.cwd(),
    logPath,
  });
  const addresses = await untilRunning(supervisor, dataDir, logPath);
  supervisor.release();
  process.stdout.write(describeAddresses(addresses));
  process.stdout.write(`Stop it with \`perennial down --data ${options.data}\`.\n`);
}

async function untilRunning(supervisor: ChildGroup, dataDir: string, logPath: string): Promise<StackAddresses> {
  let ending: string | undefined;
  void supervisor.exited.then((words) => {
    ending = words;
  });
  for (const deadline = performance.now() + DETACH_TIMEOUT_MS; performance.now() < deadline;) {
    const state = readStackState(dataDir);
    const isOurs = state?.supervisorPid === supervisor.pid;
    if (isOurs && state.phase === 'running' && state.addresses !== null) return state.addresses;
    if (ending !== undefined) {
      const reason = (isOurs ? state.problem : null) ?? `it ended with ${ending}`;
      throw new DomainError('PRN_PROCESS_NOT_HEALTHY', { process: 'The stack', reason, logPath });
    }
    await sleep(STATE_POLL_MS);
  }
  await supervisor.stop(STATE_POLL_MS);
  throw new DomainError('PRN_PROCESS_NOT_HEALTHY', { process: 'The stack', reason: 'it takes too long', logPath });
}

function describeAddresses(addresses: StackAddresses): string {
  return `Perennial is up.\n${renderAddresses(addresses)}\n`;
}

function printEvent({ source, message }: StackEvent): void {
  process.stderr.write(`${source.padEnd(8)} ${message}\n`);
}

function invalidOption(error: z.ZodError): DomainError {
  const [issue] = error.issues;
  const option = String(issue?.path[0] ?? '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return new DomainError('PRN_REQUEST_INVALID', {
    what: `option --${option}`,
    problem: issue?.message ?? 'not understood',
  });
}
