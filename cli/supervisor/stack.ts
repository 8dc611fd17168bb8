import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DomainError } from '../../domain/errors.js';
import { endLeftOver } from './child-group.js';
import { lockDataFolder } from './data-lock.js';
import { reasonOf, tcpCheck } from './health.js';
import { pingMongo } from './replica-set.js';
import { SERVICE_NAMES, type ServiceName } from './service-specs.js';
import { type FixedPorts, type StackPlan, planStack } from './stack-plan.js';
import {
  type ProcessName,
  type ProcessState,
  type StackAddresses,
  type StackState,
  readStackState,
  writeStackState,
} from './stack-state.js';
import { SUPERVISION_TIMING, SupervisedProcess, type SupervisionTiming } from './supervised-process.js';

const LEFT_OVER_GRACE_MS = 10_000;

/** One line of progress: which process, or the stack as a whole, and what happened. */
export interface StackEvent {
  readonly source: ProcessName | 'stack';
  readonly message: string;
}

export interface StackOptions {
  /** Folder of everything the stack keeps; made if missing, taken for this process until `stop`. */
  readonly dataDir: string;
  /** Which of our own processes to start beside the engines; all by default, `[]` for engines only. */
  readonly services?: readonly ServiceName[];
  /** MongoDB database; `perennial` by default. */
  readonly database?: string;
  /** `preferred` takes the well-known ports where they are free; `free` takes any, for stacks side by side. */
  readonly ports?: 'preferred' | 'free';
  readonly fixedPorts?: FixedPorts;
  /** False starts Temporal without its Web UI. */
  readonly webUi?: boolean;
  /** Starts the worker for trainers in Python as well, where its environment was set up; off by default. */
  readonly pythonTrainer?: boolean;
  /** Added to the environment of the services; `TEMPORAL_ADDRESS` and `MONGODB_URI` here name engines to use. */
  readonly env?: NodeJS.ProcessEnv;
  readonly timing?: SupervisionTiming;
  /** Aborting it while the stack still starts stops what was started; `startStack` then rejects. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: StackEvent) => void;
}

/** A running, supervised stack. */
export interface Stack {
  readonly addresses: StackAddresses;
  readonly dataDir: string;
  /** State of every supervised process right now, pids included. */
  processes(): readonly ProcessState[];
  /** Stops serving, API and worker, then Temporal, then MongoDB, and gives the data folder back. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts MongoDB, Temporal and our services and keeps them running until `stop`. Engines whose address is in the
 * environment are used, not started.
 * @throws PRN_DATA_FOLDER_IN_USE, PRN_PORT_IN_USE, PRN_ENGINE_MISSING, PRN_PROCESS_NOT_HEALTHY, PRN_UNAVAILABLE
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = resolve(options.dataDir);
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
  const unlock = lockDataFolder(dataDir);
  const stack = new RunningStack(dataDir, options, unlock);
  const abort = (): void => void stack.stop();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await endLeftOvers(dataDir);
    await stack.start();
    return stack;
  } catch (error) {
    await stack.abandon(reasonOf(error));
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/** Ends what a supervisor that was killed left running in this data folder. */
export async function endLeftOvers(dataDir: string): Promise<void> {
  const left = readStackState(dataDir)?.processes.toReversed() ?? [];
  for (const { pid, identity } of left) {
    if (pid !== null && identity !== null) await endLeftOver({ pid, identity }, LEFT_OVER_GRACE_MS);
  }
}

class RunningStack implements Stack {
  readonly dataDir: string;
  readonly #options: StackOptions;
  readonly #unlock: () => void;
  readonly #startedAt = new Date().toISOString();
  #phase: StackState['phase'] = 'starting';
  #problem: string | null = null;
  #plan: StackPlan | undefined;
  #tiers: readonly (readonly SupervisedProcess[])[] = [];
  #stopped: Promise<void> | undefined;

  constructor(dataDir: string, options: StackOptions, unlock: () => void) {
    this.dataDir = dataDir;
    this.#options = options;
    this.#unlock = unlock;
  }

  get addresses(): StackAddresses {
    if (this.#plan === undefined)
      throw new DomainError('PRN_CONFIG_INVALID', { problem: 'the stack is not planned yet' });
    return this.#plan.addresses;
  }

  processes(): readonly ProcessState[] {
    return this.#tiers.flat().map((process) => process.state);
  }

  async start(): Promise<void> {
    this.#write();
    const { services = SERVICE_NAMES, database = 'perennial', ports = 'preferred' } = this.#options;
    const { webUi = true, pythonTrainer = false } = this.#options;
    this.#plan = await planStack({
      dataDir: this.dataDir,
      services,
      database,
      ports,
      webUi,
      pythonTrainer,
      fixedPorts: this.#options.fixedPorts ?? {},
      env: { ...process.env, ...this.#options.env },
      onProgress: (message) => this.#emit('stack', message),
    });
    await requireExternal(this.#plan);
    const listener = {
      onChange: (source: ProcessName, message: string): void => {
        this.#write();
        this.#emit(source, message);
      },
    };
    const timing = this.#options.timing ?? SUPERVISION_TIMING;
    this.#tiers = this.#plan.tiers.map((specs) => specs.map((spec) => new SupervisedProcess(spec, listener, timing)));
    for (const tier of this.#tiers) {
      this.#options.signal?.throwIfAborted();
      await startTogether(tier);
    }
    this.#enter('running');
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.#stopAll().then(() => this.#release('stopped'));
    return this.#stopped;
  }

  /** Ends whatever was started before the start failed. */
  async abandon(problem: string): Promise<void> {
    this.#problem = problem;
    this.#stopped ??= this.#stopAll().then(() => this.#release('failed'));
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    this.#enter('stopping');
    const [engines = [], services = []] = this.#tiers;
    // Each gets its time alone: serving flushes its log, then the API drains, then workers hand back their activities.
    for (const process of services.toReversed()) await process.stop();
    for (const process of engines.toReversed()) await process.stop();
  }

  #release(phase: 'stopped' | 'failed'): void {
    this.#enter(phase);
    this.#unlock();
  }

  #enter(phase: StackState['phase']): void {
    this.#phase = phase;
    this.#write();
  }

  #write(): void {
    writeStackState(this.dataDir, {
      phase: this.#phase,
      problem: this.#problem,
      supervisorPid: process.pid,
      startedAt: this.#startedAt,
      addresses: this.#plan?.addresses ?? null,
      processes: [...this.processes()],
    });
  }

  #emit(source: StackEvent['source'], message: string): void {
    this.#options.onEvent?.({ source, message });
  }
}

/** Waits for all of them even when one fails, so that none is still starting while the stack is taken down. */
async function startTogether(tier: readonly SupervisedProcess[]): Promise<void> {
  const outcomes = await Promise.allSettled(tier.map(async (process) => process.start()));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function requireExternal(plan: StackPlan): Promise<void> {
  for (const { engine, address, source } of plan.external) {
    const check = engine === 'mongod' ? async () => pingMongo(address) : tcpCheck(address);
    await check().catch((error: unknown) => {
      throw new DomainError('PRN_UNAVAILABLE', { what: `${engine} (${source})`, reason: reasonOf(error) });
    });
  }
}
