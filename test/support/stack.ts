import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stack, type StackOptions, startStack } from '../../cli/supervisor/stack.js';

/** A stack in a temporary folder. */
export interface TestStack extends Stack {
  /** Stops the stack and removes its folder. */
  remove(): Promise<void>;
}

/** Starts a whole stack of real processes (compiled code of `dist/`) on free ports; call `remove` in the tear-down. */
export async function startTestStack(options: Omit<StackOptions, 'dataDir' | 'ports'> = {}): Promise<TestStack> {
  const dataDir = await temporaryFolder();
  const stack = await startStack({ webUi: false, ...options, dataDir, ports: 'free' });
  return {
    addresses: stack.addresses,
    dataDir,
    processes: () => stack.processes(),
    stop: async () => stack.stop(),
    remove: async () => {
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A fresh folder under the system's temporary folder; the caller removes it. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'perennial-test-'));
}

/** Ends a process at once, as a power cut would. Refuses a missing pid: the system takes 0 for the caller's own group. */
export function killNow(pid: number | null | undefined): void {
  if (pid === null || pid === undefined || pid <= 1) throw new Error(`no process to kill: pid is ${String(pid)}`);
  process.kill(pid, 'SIGKILL');
}
