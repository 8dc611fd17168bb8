/**
 * Runs command trainers: from the list of this worker only, without a shell, with nothing of the worker's environment,
 * under limits that the system enforces. What one started ends with it, and it ends with its worker (`command-guard.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, open, readFile, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { CommandEnd, CommandPort, CommandRun } from '../../activities/command-process.js';
import { DomainError } from '../../domain/errors.js';
import { CommandGuard, GUARD_TOOLS } from './command-guard.js';
import { reportLines } from './report-lines.js';

/** Program and arguments by the name that a model's `trainer.command` refers to. */
export type CommandList = Readonly<Record<string, readonly string[]>>;

/** From SIGTERM to SIGKILL for a command that is cancelled. */
const GRACE_MS = 5_000;
/** Between the signal that says the CPU time is over and the one that ends the process. */
const CPU_GRACE_SECONDS = 5;
/** What an ended command has written is read within this; a pipe that stays open longer is held by somebody else. */
const DRAIN_MS = 2_000;
const LONGEST_REPORT_BYTES = 65_536;
/** Of any file that a command writes, its log as well. */
const LARGEST_FILE_BYTES = 8 * 2 ** 30;
/** Whoever has it in its environment belongs to the run of that folder. */
const MARK = 'PERENNIAL_COMMAND_RUN';

export function createCommandPort(list: CommandList, path = process.env['PATH'] ?? ''): CommandPort {
  return {
    async find(name) {
      const [program, ...others] = list[name] ?? [];
      const refuse = (problem: string): DomainError =>
        new DomainError('PRN_TRAINER_COMMAND', { command: name, problem });
      if (program === undefined)
        throw refuse(`it is not on the list, which has ${Object.keys(list).join(', ') || 'nothing'}`);
      for (const tool of ['prlimit', 'setpriv', ...GUARD_TOOLS])
        if (!(await isOnPath(tool, path))) throw refuse(`${tool} is missing, so it cannot be bounded`);
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
  /** A report is being taken, which may last. */
  #taking = false;
  #abandoned = false;

  constructor(run: CommandRun, path: string) {
    this.#run = run;
    this.#path = path;
  }

  async end(): Promise<CommandEnd> {
    const { folder, signal, wallMs, stalledAfterMs } = this.#run;
    signal.throwIfAborted();
    const log = await open(join(folder, 'stderr.log'), 'w', 0o600);
    const guard = new CommandGuard(`${MARK}=${folder}`, this.#path);
    const child = this.#spawn(log.fd);
    // Asked at once: a command may be gone before the next thing here is done.
    const exited = exitOf(child);
    guard.watch(child.pid);
    const kill = (end: CommandEnd): void => {
      this.#ended ??= end;
      killGroup(child, 'SIGKILL');
    };
    const wall = setTimeout(() => kill({ kind: 'limit', limit: `${wallMs / 1_000} s of wall time` }), wallMs);
    const silence = setTimeout(() => kill({ kind: 'stalled', seconds: stalledAfterMs / 1_000 }), stalledAfterMs);
    let grace: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      killGroup(child, 'SIGTERM');
      grace = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      // It may have been cancelled before anybody listened.
      if (signal.aborted) cancel();
      const heard = this.#listen(child, () => silence.refresh()).catch((error: unknown) => {
        killGroup(child, 'SIGKILL');
        throw error;
      });
      // Awaited once the process is gone, which may be later than the error.
      heard.catch(() => undefined);
      const [end] = await Promise.all([exited, log.close()]);
      clearTimeout(wall);
      clearTimeout(silence);
      await guard.sweep();
      await this.#drain(child, heard);
      signal.throwIfAborted();
      return this.#ended ?? this.#judged(end);
    } finally {
      for (const timer of [wall, silence, grace]) clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      await guard.sweep();
    }
  }

  #spawn(log: number): ChildProcess {
    const { command, folder, cpuSeconds, memoryMb } = this.#run;
    const bounds = [
      `--cpu=${cpuSeconds}:${cpuSeconds + CPU_GRACE_SECONDS}`,
      `--data=${memoryMb * 2 ** 20}`,
      `--fsize=${LARGEST_FILE_BYTES}`,
      '--core=0',
    ];
    // Should this worker be killed, the command goes with it.
    const bound = ['--', 'setpriv', '--pdeathsig', 'KILL', '--', ...command.argv, folder];
    return spawn('prlimit', [...bounds, ...bound], {
      cwd: folder,
      env: { PATH: this.#path, HOME: folder, TMPDIR: folder, LANG: 'C.UTF-8', [MARK]: folder },
      detached: true,
      // Standard input is a pipe that never has anything: its end tells whoever listens that the worker is gone.
      stdio: ['pipe', 'pipe', log],
    });
  }

  async #listen({ stdout }: ChildProcess, onHeard: () => void): Promise<void> {
    if (stdout === null) return;
    try {
      for await (const report of reportLines(stdout, LONGEST_REPORT_BYTES)) {
        onHeard();
        this.#taking = true;
        await this.#run.onReport(report);
        this.#taking = false;
      }
    } catch (error) {
      if (!this.#abandoned || this.#taking) throw error;
    }
  }

  /** Reads what is left, but waits for no process that outlived the guard and holds the pipe. */
  async #drain({ stdout }: ChildProcess, heard: Promise<void>): Promise<void> {
    const late = setInterval(() => {
      if (this.#taking) return;
      this.#abandoned = true;
      stdout?.destroy();
    }, DRAIN_MS);
    await heard.finally(() => clearInterval(late));
  }

  #judged({ code, signal }: { code: number | null; signal: NodeJS.Signals | null }): CommandEnd {
    if (signal === 'SIGXCPU') return { kind: 'limit', limit: `${this.#run.cpuSeconds} s of CPU time` };
    if (signal === 'SIGXFSZ') return { kind: 'limit', limit: `${LARGEST_FILE_BYTES / 2 ** 30} GB in one file` };
    return signal === null ? { kind: 'exited', code: code ?? 1 } : { kind: 'signalled', signal };
  }
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
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
