/**
 * Runs command trainers: from the list of this worker only, without a shell, with nothing of the worker's environment,
 * under limits that the system enforces, in a process group of their own that ends as a whole.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, open, readFile, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CommandEnd, CommandPort, CommandRun } from '../../activities/command-process.js';
import { DomainError } from '../../domain/errors.js';

/** Program and arguments by the name that a model's `trainer.command` refers to. */
export type CommandList = Readonly<Record<string, readonly string[]>>;

/** From SIGTERM to SIGKILL for a command that is cancelled. */
const GRACE_MS = 5_000;
/** Between the signal that says the CPU time is over and the one that ends the process. */
const CPU_GRACE_SECONDS = 5;
const LONGEST_REPORT = 1_000_000;

export function createCommandPort(list: CommandList, path = process.env['PATH'] ?? ''): CommandPort {
  return {
    async find(name) {
      const [program, ...others] = list[name] ?? [];
      const refuse = (problem: string): DomainError =>
        new DomainError('PRN_TRAINER_COMMAND', { command: name, problem });
      if (program === undefined)
        throw refuse(`it is not on the list, which has ${Object.keys(list).join(', ') || 'nothing'}`);
      for (const tool of ['prlimit', 'setpriv'])
        if (!(await isOnPath(tool, path)))
          throw refuse(`${tool} (package util-linux) is missing, so it cannot be bounded`);
      if (!isAbsolute(program) || !(await isExecutable(program)))
        throw refuse(`${program} is not the absolute path of a program that can be executed`);
      return { argv: [program, ...others], digest: await digestOf([program, ...others]) };
    },
    run: (run) => new CommandProcess(run, path).end(),
  };
}

class CommandProcess {
  readonly #run: CommandRun;
  readonly #path: string;
  #ended: CommandEnd | null = null;

  constructor(run: CommandRun, path: string) {
    this.#run = run;
    this.#path = path;
  }

  async end(): Promise<CommandEnd> {
    const { folder, signal, wallMs, stalledAfterMs } = this.#run;
    signal.throwIfAborted();
    const log = await open(join(folder, 'stderr.log'), 'w', 0o600);
    const child = this.#spawn(log.fd);
    await log.close();
    const kill = (end: CommandEnd): void => {
      this.#ended ??= end;
      killGroup(child, 'SIGKILL');
    };
    const wall = setTimeout(() => kill({ kind: 'limit', limit: `${wallMs / 1_000} s of wall time` }), wallMs);
    const silence = setTimeout(() => kill({ kind: 'stalled', seconds: stalledAfterMs / 1_000 }), stalledAfterMs);
    const cancel = (): void => {
      killGroup(child, 'SIGTERM');
      setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS).unref();
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const exited = exitOf(child);
      const heard = this.#listen(child, () => silence.refresh()).catch((error: unknown) => {
        killGroup(child, 'SIGKILL');
        throw error;
      });
      const end = await exited;
      // What it left running holds its end of the pipe open.
      killGroup(child, 'SIGKILL');
      await heard;
      signal.throwIfAborted();
      return this.#ended ?? this.#judged(end);
    } finally {
      clearTimeout(wall);
      clearTimeout(silence);
      signal.removeEventListener('abort', cancel);
      killGroup(child, 'SIGKILL');
    }
  }

  #spawn(log: number): ChildProcess {
    const { command, folder, cpuSeconds, memoryMb } = this.#run;
    const bounds = [
      `--cpu=${cpuSeconds}:${cpuSeconds + CPU_GRACE_SECONDS}`,
      `--data=${memoryMb * 2 ** 20}`,
      '--core=0',
    ];
    // Should this worker be killed, the command goes with it.
    const bound = ['--', 'setpriv', '--pdeathsig', 'KILL', '--', ...command.argv, folder];
    return spawn('prlimit', [...bounds, ...bound], {
      cwd: folder,
      env: { PATH: this.#path, HOME: folder, TMPDIR: folder, LANG: 'C.UTF-8' },
      detached: true,
      // Standard input is a pipe that never has anything: its end tells whoever listens that the worker is gone.
      stdio: ['pipe', 'pipe', log],
    });
  }

  async #listen(child: ChildProcess, onHeard: () => void): Promise<void> {
    if (child.stdout === null) return;
    for await (const line of createInterface({ input: child.stdout })) {
      const report = readReport(line);
      if (report === null) continue;
      onHeard();
      await this.#run.onReport(report);
    }
  }

  #judged({ code, signal }: { code: number | null; signal: NodeJS.Signals | null }): CommandEnd {
    if (signal === 'SIGXCPU') return { kind: 'limit', limit: `${this.#run.cpuSeconds} s of CPU time` };
    return signal === null ? { kind: 'exited', code: code ?? 1 } : { kind: 'signalled', signal };
  }
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** A line that is one JSON object; anything else that a program prints is passed over. */
function readReport(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{') || line.length > LONGEST_REPORT) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}

async function digestOf(argv: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const argument of argv) {
    hash.update(`${argument}\0`);
    const isFile = isAbsolute(argument) && (await stat(argument).catch(() => null))?.isFile() === true;
    if (isFile)
      hash.update(
        createHash('sha256')
          .update(await readFile(argument))
          .digest(),
      );
  }
  return hash.digest('hex');
}

async function isOnPath(program: string, path: string): Promise<boolean> {
  for (const folder of path.split(delimiter)) if (await isExecutable(join(folder, program))) return true;
  return false;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
