import type { Command } from 'commander';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.js';
import { defaultDataDir } from '../supervisor/data-dir.js';
import { lockDataFolder, lockHolder } from '../supervisor/data-lock.js';
import { endLeftOvers } from '../supervisor/stack.js';
import { readStackState } from '../supervisor/stack-state.js';

/** Longer than all processes of a stack may take one after the other. */
const STOP_TIMEOUT_MS = 120_000;
const POLL_MS = 100;

/** Adds `perennial down`: stop the stack of a data folder, also one whose supervisor was killed. */
export function registerDownCommand(program: Command): void {
  program
    .command('down')
    .description('stop the local stack')
    .option('--data <folder>', 'data folder of the stack', defaultDataDir())
    .action(async (options: { data: string }) => {
      await stopStack(resolve(options.data));
      process.stdout.write('Perennial is down.\n');
    });
}

async function stopStack(folder: string): Promise<void> {
  const pid = lockHolder(folder);
  if (pid === undefined) {
    if (readStackState(folder) === undefined) throw new DomainError('PRN_STACK_NOT_RUNNING', { folder });
    const unlock = lockDataFolder(folder);
    await endLeftOvers(folder).finally(unlock);
    return;
  }
  process.kill(pid, 'SIGTERM');
  for (const deadline = performance.now() + STOP_TIMEOUT_MS; performance.now() < deadline;) {
    if (lockHolder(folder) !== pid) return;
    await sleep(POLL_MS);
  }
  throw new DomainError('PRN_UNAVAILABLE', {
    what: `The supervisor (pid ${pid})`,
    reason: `it did not stop within ${STOP_TIMEOUT_MS / 1000} s`,
  });
}
