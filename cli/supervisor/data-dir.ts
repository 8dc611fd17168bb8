import { resolve } from 'node:path';
import { DomainError } from '../../domain/errors.js';
import { lockHolder } from './data-lock.js';
import { type StackState, readStackState } from './stack-state.js';

/** Folder of a local installation where no option names one: `PERENNIAL_DATA`, or `.perennial` in the working directory. */
export function defaultDataDir(): string {
  return process.env['PERENNIAL_DATA'] ?? '.perennial';
}

/**
 * The state of the stack that runs with this data folder.
 * @throws PRN_STACK_NOT_RUNNING
 */
export function requireRunningStack(dataDir: string): { readonly supervisorPid: number; readonly state: StackState } {
  const folder = resolve(dataDir);
  const supervisorPid = lockHolder(folder);
  const state = readStackState(folder);
  if (supervisorPid === undefined || state === undefined) throw new DomainError('PRN_STACK_NOT_RUNNING', { folder });
  return { supervisorPid, state };
}
