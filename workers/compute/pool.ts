/** The compute pool: a fixed number of threads that run the CPU bodies of activities, so that the main thread never blocks. */
import type { JobInputs, JobName, JobResults, RunJob, RunJobOptions } from '../../activities/jobs/index.js';
import { DomainError } from '../../domain/errors.js';
import { ComputeThread, type ThreadJob, type ThreadSettings } from './compute-thread.js';
import type { ComputeEnvironment } from './messages.js';

const DEFAULT_STALLED_AFTER_MS = 120_000;
const DEFAULT_CANCEL_GRACE_MS = 5_000;
const DEFAULT_HEAP_MB = 2_048;

export interface ComputePoolOptions {
  /** Jobs that run at the same time. */
  readonly size: number;
  readonly environment: ComputeEnvironment;
  /** Module that a thread starts with; the product's own unless a test brings jobs of its own. */
  readonly threadEntry?: URL;
  readonly heapMb?: number;
  readonly stalledAfterMs?: number;
  readonly cancelGraceMs?: number;
}

export interface ComputePool {
  /** Runs a job in the next free thread; see {@link ComputeThread.run} for how it can fail. */
  readonly runJob: RunJob;
  /** Takes no more jobs, refuses those that wait, and resolves when the running ones have ended. */
  drain(): Promise<void>;
  /** Ends every thread at once; running jobs are rejected as interrupted. */
  close(): Promise<void>;
}

/** Starts a pool. Threads are made when first needed and replaced when they are lost. */
export function createComputePool(options: ComputePoolOptions): ComputePool {
  const slots = new ThreadSlots(options.size, {
    entry: options.threadEntry ?? new URL('./thread.js', import.meta.url),
    environment: options.environment,
    heapMb: options.heapMb ?? DEFAULT_HEAP_MB,
    stalledAfterMs: options.stalledAfterMs ?? DEFAULT_STALLED_AFTER_MS,
    cancelGraceMs: options.cancelGraceMs ?? DEFAULT_CANCEL_GRACE_MS,
  });
  return {
    runJob: async <N extends JobName>(name: N, input: JobInputs[N], jobOptions: RunJobOptions = {}) => {
      const { signal, onProgress, resumeFrom } = jobOptions;
      // The border: what a thread answers was typed by the job map on its side.
      return (await slots.run({ name, input, signal, onProgress, resumeFrom })) as JobResults[N];
    },
    drain: () => slots.drain(),
    close: () => slots.close(),
  };
}

interface WaitingJob {
  readonly start: (thread: ComputeThread) => void;
  readonly refuse: (reason: unknown) => void;
}

class ThreadSlots {
  readonly #size: number;
  readonly #settings: ThreadSettings;
  readonly #idle: ComputeThread[] = [];
  readonly #busy = new Set<ComputeThread>();
  readonly #waiting: WaitingJob[] = [];
  #onQuiet: (() => void)[] = [];
  #draining = false;

  constructor(size: number, settings: ThreadSettings) {
    this.#size = size;
    this.#settings = settings;
  }

  async run(job: ThreadJob): Promise<unknown> {
    const thread = await this.#take(job.signal);
    try {
      return await thread.run(job);
    } finally {
      await this.#giveBack(thread);
    }
  }

  async drain(): Promise<void> {
    this.#draining = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(shuttingDown());
    if (this.#busy.size > 0) await new Promise<void>((resolve) => this.#onQuiet.push(resolve));
  }

  async close(): Promise<void> {
    this.#draining = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(shuttingDown());
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((thread) => thread.end()));
  }

  async #take(signal: AbortSignal | undefined): Promise<ComputeThread> {
    signal?.throwIfAborted();
    if (this.#draining) throw shuttingDown();
    if (this.#busy.size < this.#size) return this.#occupy();
    return await new Promise<ComputeThread>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason);
      };
      const waiting: WaitingJob = {
        start: (thread) => {
          signal?.removeEventListener('abort', leave);
          resolve(thread);
        },
        refuse: (reason) => {
          signal?.removeEventListener('abort', leave);
          reject(reason);
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #occupy(): ComputeThread {
    let thread = this.#idle.pop();
    while (thread !== undefined && !thread.usable) thread = this.#idle.pop();
    thread ??= new ComputeThread(this.#settings);
    this.#busy.add(thread);
    return thread;
  }

  async #giveBack(thread: ComputeThread): Promise<void> {
    // A lost thread must be gone before its place is taken again, or memory would hold both.
    if (!thread.usable) await thread.end();
    this.#busy.delete(thread);
    if (thread.usable) this.#idle.push(thread);
    const next = this.#waiting.shift();
    if (next !== undefined) next.start(this.#occupy());
    if (this.#busy.size === 0) for (const resolve of this.#onQuiet.splice(0)) resolve();
  }
}

function shuttingDown(): DomainError {
  return new DomainError('PRN_COMPUTE_INTERRUPTED', { reason: 'this worker is shutting down' });
}
