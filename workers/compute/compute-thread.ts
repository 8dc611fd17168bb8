/** One worker thread as the pool sees it: runs one job at a time, and knows whether it can run another. */
import { Worker } from 'node:worker_threads';
import type { JobProgress } from '../../activities/jobs/context.js';
import { DomainError } from '../../domain/errors.js';
import { type ComputeEnvironment, type FromThread, fromJobFailure, type ToThread } from './messages.js';

export interface ThreadSettings {
  readonly entry: URL;
  readonly environment: ComputeEnvironment;
  /** JavaScript heap of the thread, megabytes; typed arrays and native engines come on top. */
  readonly heapMb: number;
  /** A job that reports no progress for so long is ended. */
  readonly stalledAfterMs: number;
  /** Time a cancelled job gets to stop by itself. */
  readonly cancelGraceMs: number;
}

export interface ThreadJob {
  readonly name: string;
  readonly input: unknown;
  readonly resumeFrom: unknown;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: JobProgress) => void) | undefined;
}

interface RunningJob {
  readonly jobId: number;
  readonly onProgress: ((progress: JobProgress) => void) | undefined;
  readonly settle: (outcome: { readonly error: unknown } | { readonly result: unknown }) => void;
  watchdog: NodeJS.Timeout;
}

export class ComputeThread {
  readonly #settings: ThreadSettings;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #running: RunningJob | null = null;
  #nextJobId = 1;
  #usable = true;
  #lastError: Error | null = null;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
    this.#worker = new Worker(settings.entry, {
      name: 'perennial-compute',
      workerData: settings.environment,
      resourceLimits: { maxOldGenerationSizeMb: settings.heapMb },
    });
    this.#worker.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => (this.#lastError = error));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (exitCode) => {
        this.#onExit(exitCode);
        resolve();
      });
    });
  }

  /** False once the thread ended or is being ended: the pool then makes a new one. */
  get usable(): boolean {
    return this.#usable;
  }

  /**
   * Runs a job to its end. Rejects with the job's own error, with `PRN_COMPUTE_INTERRUPTED` or `PRN_COMPUTE_STALLED`
   * when the thread was lost, or with the reason of the signal when the job was cancelled.
   */
  run(job: ThreadJob): Promise<unknown> {
    const jobId = this.#nextJobId;
    this.#nextJobId += 1;
    return new Promise((resolve, reject) => {
      let grace: NodeJS.Timeout | undefined;
      const cancel = (): void => {
        this.#send({ type: 'cancel', jobId });
        grace = setTimeout(() => void this.end(), this.#settings.cancelGraceMs);
      };
      const settle: RunningJob['settle'] = (outcome) => {
        if (this.#running?.jobId !== jobId) return;
        clearTimeout(this.#running.watchdog);
        clearTimeout(grace);
        job.signal?.removeEventListener('abort', cancel);
        this.#running = null;
        if (job.signal?.aborted === true) reject(job.signal.reason);
        else if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.result);
      };
      this.#running = { jobId, onProgress: job.onProgress, settle, watchdog: this.#watch(settle) };
      job.signal?.addEventListener('abort', cancel, { once: true });
      this.#send({ type: 'start', jobId, name: job.name, input: job.input, resumeFrom: job.resumeFrom });
      if (job.signal?.aborted === true) cancel();
    });
  }

  /** Ends the thread, whatever it is doing; a running job is rejected. */
  async end(): Promise<void> {
    this.#usable = false;
    await this.#worker.terminate();
    await this.#exited;
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #watch(settle: RunningJob['settle']): NodeJS.Timeout {
    const { stalledAfterMs } = this.#settings;
    return setTimeout(() => {
      this.#usable = false;
      settle({ error: new DomainError('PRN_COMPUTE_STALLED', { seconds: stalledAfterMs / 1_000 }) });
      void this.end();
    }, stalledAfterMs);
  }

  #receive(message: FromThread): void {
    const running = this.#running;
    if (running === null || running.jobId !== message.jobId) return;
    if (message.type === 'progress') {
      running.watchdog.refresh();
      running.onProgress?.(message.progress);
    } else if (message.type === 'result') {
      running.settle({ result: message.result });
    } else {
      running.settle({ error: fromJobFailure(message.failure) });
    }
  }

  #onExit(exitCode: number): void {
    this.#usable = false;
    const reason = this.#lastError === null ? `exit code ${exitCode}` : this.#lastError.message;
    this.#running?.settle({
      error: new DomainError('PRN_COMPUTE_INTERRUPTED', { reason }, { cause: this.#lastError ?? undefined }),
    });
  }
}
