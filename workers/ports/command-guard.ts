/**
 * A process beside each command that ends everything the command started, once it is told to or the worker is gone.
 *
 * The group alone does not do: a process that began a session of its own is not in it. What all of them have is the
 * environment that they were started with, so that variable and value of one name mark them.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** What the script needs beside a shell. */
export const GUARD_TOOLS = ['sh', 'grep'];
const ENDED_WITHIN_MS = 10_000;

/**
 * `$1` is the mark. The first line says which group the command leads; the end of standard input, that it is over.
 * Repeated until nobody is found, since a process may start another between being found and being ended.
 */
const SCRIPT = `
read -r group
read -r _
[ -n "$group" ] && kill -KILL -- "-$group"
rounds=0
while [ "$rounds" -lt 50 ]; do
  found=$(grep -lzxF -e "$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || exit 0
  for file in $found; do
    pid=\${file#/proc/}
    kill -KILL "\${pid%/environ}"
  done
  rounds=$((rounds + 1))
done`;

export class CommandGuard {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  /** `mark` is `NAME=value` as the command has it in its environment, and nobody else. */
  constructor(mark: string, path: string) {
    // A session of its own: what ends the group of the worker leaves the guard its work.
    this.#process = spawn('sh', ['-c', SCRIPT, 'perennial-command-guard', mark], {
      cwd: '/',
      env: { PATH: path },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('exit', () => resolve());
      this.#process.once('error', () => resolve());
    });
    // Without anybody who reads: the guard was killed, and the group has to do.
    this.#process.stdin?.on('error', () => undefined);
  }

  watch(group: number | undefined): void {
    this.#process.stdin?.write(`${group ?? ''}\n`);
  }

  /** Ends all that is left, and waits until it is. */
  async sweep(): Promise<void> {
    this.#process.stdin?.end();
    const late = setTimeout(() => this.#process.kill('SIGKILL'), ENDED_WITHIN_MS);
    await this.#ended;
    clearTimeout(late);
  }
}
