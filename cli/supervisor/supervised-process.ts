import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.js';
import { type ChildCommand, ChildGroup } from './child-group.js';
import { type HealthCheck, reasonOf } from './health.js';
import type { ProcessName, ProcessState } from './stack-state.js';

/** How one process of the stack is started, judged and stopped. */
export interface ProcessSpec extends ChildCommand {
  readonly name: ProcessName;
  readonly address: string;
  readonly healthUrl: string | null;
  readonly isHealthy: HealthCheck;
  /** How long it may take from its start to its first good health check. */
  readonly startTimeoutMs: number;
  /** How long it may take from SIGTERM to its end. */
  readonly stopGraceMs: number;
}

/** Delays of a supervised process; tests make them short. */
export interface SupervisionTiming {
  readonly firstBackoffMs: number;
  readonly longestBackoffMs: number;
  /** Pause between two health checks while starting / while running. */
  readonly startPollMs: number;
  readonly monitorEveryMs: number;
  /** A process that runs but fails this many checks in a row is ended and started again. */
  readonly unhealthyLimit: number;
  /** A process that was healthy for this long starts again with the first, short pause. */
  readonly stableAfterMs: number;
  /** A process that ends this often before it was ever healthy fails the start of the stack. */
  readonly startAttempts: number;
}

export const SUPERVISION_TIMING: SupervisionTiming = {
  firstBackoffMs: 500,
  longestBackoffMs: 30_000,
  startPollMs: 150,
  monitorEveryMs: 10_000,
  unhealthyLimit: 6,
  stableAfterMs: 60_000,
  startAttempts: 3,
};

export interface ProcessListener {
  /** Called at every change of state, with one line for a person. */
  readonly onChange: (name: ProcessName, message: string) => void;
}

/** Keeps one process running: waits until it is healthy, watches it, starts it again with growing pauses when it ends. */
export class SupervisedProcess {
  readonly spec: ProcessSpec;
  readonly #listener: ProcessListener;
  readonly #timing: SupervisionTiming;
  readonly #stopping = new AbortController();
  #status: ProcessState['status'] = 'stopped';
  #restarts = 0;
  #group: ChildGroup | undefined;
  #loop: Promise<void> | undefined;

  constructor(spec: ProcessSpec, listener: ProcessListener, timing = SUPERVISION_TIMING) {
    this.spec = spec;
    this.#listener = listener;
    this.#timing = timing;
  }

  get state(): ProcessState {
    const { name, address, healthUrl, logPath } = this.spec;
    const pid = this.#group?.pid ?? null;
    const identity = this.#group?.identity ?? null;
    return { name, pid, identity, status: this.#status, restarts: this.#restarts, address, healthUrl, logPath };
  }

  /**
   * Starts the process and resolves once it is healthy; it is kept running until `stop`.
   * @throws PRN_PROCESS_NOT_HEALTHY
   */
  async start(): Promise<void> {
    let reason = '';
    for (let attempt = 0; attempt < this.#timing.startAttempts; attempt += 1) {
      if (attempt > 0) {
        this.#change('restarting', `${reason}; tries again`);
        await this.#pause(this.#backoffMs(attempt));
      }
      if (this.#stopping.signal.aborted) break;
      const group = await this.#launch();
      const problem = await this.#untilHealthy(group);
      if (problem === undefined) {
        this.#loop = this.#keepRunning(group);
        return;
      }
      reason = problem;
      await this.#end(group);
      if (this.#stopping.signal.aborted) break;
    }
    if (this.#stopping.signal.aborted) reason = 'it was stopped while it started';
    this.#change('stopped', `gave up: ${reason}`);
    const { name, logPath } = this.spec;
    throw new DomainError('PRN_PROCESS_NOT_HEALTHY', { process: name, reason, logPath });
  }

  /** Ends the process gently, then firmly; it is not started again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const group = this.#group;
    if (group !== undefined) await group.stop(this.spec.stopGraceMs);
    await this.#loop;
    this.#group = undefined;
    if (this.#status !== 'stopped') this.#change('stopped', 'stopped');
  }

  async #keepRunning(first: ChildGroup): Promise<void> {
    let group: ChildGroup | undefined = first;
    for (let quickEnds = 0; group !== undefined;) {
      const healthySince = performance.now();
      const ending = await this.#watch(group);
      this.#group = undefined;
      if (this.#stopping.signal.aborted) return;
      quickEnds = performance.now() - healthySince > this.#timing.stableAfterMs ? 0 : quickEnds + 1;
      group = await this.#bringBack(`ended with ${ending}`, quickEnds);
    }
  }

  /** Starts the process until it is healthy again; undefined once the stack is being stopped. */
  async #bringBack(why: string, quickEnds: number): Promise<ChildGroup | undefined> {
    let problem = why;
    for (let failures = quickEnds; ; failures += 1) {
      const pauseMs = this.#backoffMs(failures);
      this.#restarts += 1;
      this.#change('restarting', `${problem}; starts again in ${pauseMs / 1000} s`);
      await this.#pause(pauseMs);
      if (this.#stopping.signal.aborted) return undefined;
      const group = await this.#launch();
      const unhealthy = await this.#untilHealthy(group);
      if (unhealthy === undefined) return group;
      await this.#end(group);
      if (this.#stopping.signal.aborted) return undefined;
      problem = unhealthy;
    }
  }

  async #launch(): Promise<ChildGroup> {
    const group = await ChildGroup.spawn(this.spec);
    this.#group = group;
    this.#change('starting', `started with pid ${group.pid}`);
    if (this.#stopping.signal.aborted) group.kill();
    return group;
  }

  /** Undefined once healthy, else why the process will not become so. */
  async #untilHealthy(group: ChildGroup): Promise<string | undefined> {
    const deadline = performance.now() + this.spec.startTimeoutMs;
    let ending: string | undefined;
    void group.exited.then((words) => {
      ending = words;
    });
    for (;;) {
      const problem = await problemOf(this.spec.isHealthy);
      if (ending !== undefined) return `it ended with ${ending}${lastWords(this.spec.logPath)}`;
      if (problem === undefined) {
        this.#change('healthy', `healthy at ${this.spec.address}`);
        return undefined;
      }
      if (performance.now() > deadline) return `no good answer within ${this.spec.startTimeoutMs / 1000} s: ${problem}`;
      await Promise.race([group.exited, sleep(this.#timing.startPollMs)]);
    }
  }

  /** Checks health until the process ends; ends it itself when it stays unhealthy. */
  async #watch(group: ChildGroup): Promise<string> {
    for (let failed = 0; ;) {
      const timer = new AbortController();
      const ending = await Promise.race([
        group.exited,
        sleep(this.#timing.monitorEveryMs, undefined, { signal: timer.signal }).catch(() => undefined),
      ]);
      timer.abort();
      if (ending !== undefined) return ending;
      const problem = await problemOf(this.spec.isHealthy);
      failed = problem === undefined ? 0 : failed + 1;
      if (failed === 0 && this.#status === 'unhealthy') this.#change('healthy', 'healthy again');
      if (failed === 1) this.#change('unhealthy', `does not answer well: ${problem}`);
      if (failed >= this.#timing.unhealthyLimit) group.kill();
    }
  }

  async #end(group: ChildGroup): Promise<void> {
    await group.stop(this.spec.stopGraceMs);
    this.#group = undefined;
  }

  #backoffMs(failures: number): number {
    return Math.min(this.#timing.firstBackoffMs * 2 ** failures, this.#timing.longestBackoffMs);
  }

  async #pause(durationMs: number): Promise<void> {
    await sleep(durationMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  #change(status: ProcessState['status'], message: string): void {
    this.#status = status;
    this.#listener.onChange(this.spec.name, message);
  }
}

async function problemOf(isHealthy: HealthCheck): Promise<string | undefined> {
  return isHealthy().then(() => undefined, reasonOf);
}

/** The last error line of a log, because it usually says why a process ended. */
function lastWords(logPath: string): string {
  const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-30);
  const line = lines.findLast((text) => /error|PRN_/i.test(text));
  return line === undefined ? '' : ` (${line.trim().slice(0, 300)})`;
}
