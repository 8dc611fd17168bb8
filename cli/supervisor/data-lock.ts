import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { isSameProcess, processIdentity } from './process-identity.js';

const Lock = z.object({ pid: z.int(), identity: z.string() });
type Lock = z.infer<typeof Lock>;

/**
 * Takes a data folder for this process. A lock left by a process that is gone is replaced.
 * @returns releases the folder
 * @throws PRN_DATA_FOLDER_IN_USE
 */
export function lockDataFolder(dataDir: string): () => void {
  const path = lockPath(dataDir);
  const mine: Lock = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  while (!tryWrite(path, JSON.stringify(mine))) {
    const holder = lockHolder(dataDir);
    if (holder !== undefined) throw new DomainError('PRN_DATA_FOLDER_IN_USE', { folder: dataDir, pid: holder });
    rmSync(path, { force: true });
  }
  return () => rmSync(path, { force: true });
}

/** Pid of the living process that holds the data folder, if any. */
export function lockHolder(dataDir: string): number | undefined {
  try {
    const lock = Lock.parse(JSON.parse(readFileSync(lockPath(dataDir), 'utf8')));
    return isSameProcess(lock) ? lock.pid : undefined;
  } catch {
    return undefined;
  }
}

/** A link appears with its whole content, so nobody can read a half-written lock and take it for an abandoned one. */
function tryWrite(path: string, text: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function lockPath(dataDir: string): string {
  return join(dataDir, 'supervisor.lock');
}
