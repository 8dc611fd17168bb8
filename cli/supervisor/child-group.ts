import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameProcess, processIdentity } from './process-identity.js';

/** What to run. Output of the program and its children is appended to `logPath`. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly logPath: string;
}

const living = new Set<ChildGroup>();
process.on('exit', () => {
  for (const group of living) group.kill();
});

/**
 * A child process that leads its own process group: Ctrl-C in the terminal does not reach it before the supervisor has
 * ordered the shutdown, and its own children can be ended with it. No group survives this process.
 */
export class ChildGroup {
  readonly pid: number;
  readonly identity: string;
  /** Resolves with words about how the process ended. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.identity = processIdentity(pid) ?? '';
    living.add(this);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.kill();
        living.delete(this);
        resolve(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`);
      });
    });
  }

  /** Starts the program; rejects when it cannot be started at all. */
  static async spawn({ command, args, env, cwd, logPath }: ChildCommand): Promise<ChildGroup> {
    const log = openSync(logPath, 'a', 0o600);
    try {
      const child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', log, log] });
      if (child.pid !== undefined) return new ChildGroup(child, child.pid);
      return await new Promise((_resolve, reject) => child.once('error', reject));
    } finally {
      closeSync(log);
    }
  }

  /** Asks the process to end, and ends the whole group if it has not done so within the grace period. */
  async stop(graceMs: number): Promise<void> {
    this.#child.kill('SIGTERM');
    const timeout = new AbortController();
    const ended = await Promise.race([
      this.exited.then(() => true),
      sleep(graceMs, false, { signal: timeout.signal }).catch(() => false),
    ]);
    timeout.abort();
    if (!ended) {
      this.kill();
      await this.exited;
    }
  }

  /** Lets the process outlive this one: nothing waits for it or ends it any more. */
  release(): void {
    living.delete(this);
    this.#child.unref();
  }

  /** Ends the process and everything it started, at once. */
  kill(): void {
    signalGroup(this.pid, 'SIGKILL');
  }
}

/** Ends a process group that an earlier supervisor left behind, unless its pid now belongs to another program. */
export async function endLeftOver(
  seen: { readonly pid: number; readonly identity: string },
  graceMs: number,
): Promise<void> {
  if (!isSameProcess(seen)) return;
  signalGroup(seen.pid, 'SIGTERM');
  for (const deadline = performance.now() + graceMs; performance.now() < deadline;) {
    if (!isSameProcess(seen)) return;
    await sleep(100);
  }
  signalGroup(seen.pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone: nothing to end.
  }
}
