import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDataFolder, lockHolder } from '../../../cli/supervisor/data-lock.js';

describe('the lock of a data folder', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-lock-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('is held once and can be taken again after its release', () => {
    const unlock = lockDataFolder(folder);
    expect(lockHolder(folder)).toBe(process.pid);
    expect(() => lockDataFolder(folder)).toThrowError(expect.objectContaining({ code: 'PRN_DATA_FOLDER_IN_USE' }));
    unlock();
    expect(lockHolder(folder)).toBeUndefined();
    lockDataFolder(folder)();
  });

  it('is taken over from a process that is gone, also when its pid was given to another one', async () => {
    // Our own pid with another start time stands for a reused pid.
    await writeFile(join(folder, 'supervisor.lock'), JSON.stringify({ pid: process.pid, identity: 'long ago' }));
    expect(lockHolder(folder)).toBeUndefined();
    const unlock = lockDataFolder(folder);
    expect(lockHolder(folder)).toBe(process.pid);
    unlock();
  });
});
