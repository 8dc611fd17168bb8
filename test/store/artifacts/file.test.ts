import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileArtifacts } from '../../../store/artifacts/file.js';

const MEGABYTE = 2 ** 20;

describe('artefacts as files', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function* chunks(...contents: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
    yield* contents;
  }
  const leftovers = (): Promise<string[]> => readdir(join(folder, 'scratch'));

  it('are never links, which would show other bytes tomorrow', async () => {
    const store = openFileArtifacts(join(folder, 'store'));
    const [file, link] = [join(folder, 'best'), join(folder, 'link')];
    await writeFile(file, 'model');
    await symlink(file, link);
    await expect(store.adopt(link, 'x/y')).rejects.toThrow('is not a file of its own');
    expect((await store.adopt(file, 'x/y')).bytes).toBe(5);
  });

  it('receive a stream by its content, and let a check refuse it', async () => {
    const store = openFileArtifacts(folder);
    const seen: [number, string | null][] = [];
    const [left, right] = [randomBytes(10), randomBytes(20)];
    const digest = createHash('sha256').update(left).update(right).digest('hex');
    const ref = await store.receive(chunks(left, right), 'x/y', (...facts) => void seen.push(facts));
    expect(ref).toEqual({ uri: `artifact://sha256/${digest}`, sha256: digest, bytes: 30, mediaType: 'x/y' });
    expect(seen).toEqual([
      [10, null],
      [30, null],
      [30, digest],
    ]);
    expect(Buffer.from(await store.get(ref))).toEqual(Buffer.concat([left, right]));
    expect(await store.receive(chunks(Buffer.concat([left, right])), 'x/y', () => undefined)).toEqual(ref);
    const refuse = (_bytes: number, sha256: string | null): void => {
      if (sha256 !== null) throw new RangeError('not this');
    };
    await expect(store.receive(chunks(randomBytes(5)), 'x/y', refuse)).rejects.toThrow('not this');
    expect(await leftovers()).toEqual([]);
  });

  it('say that their volume is full, and leave room for others', async () => {
    const isMounted = mountSmall(folder);
    try {
      const store = openFileArtifacts(folder);
      await expect(store.receive(tooMuch(isMounted), 'x/y', () => undefined)).rejects.toMatchObject({
        code: 'PRN_STORAGE_FULL',
        retryable: true,
      });
      expect(await leftovers()).toEqual([]);
      expect((await store.receive(chunks(randomBytes(MEGABYTE / 2)), 'x/y', () => undefined)).bytes).toBe(MEGABYTE / 2);
    } finally {
      if (isMounted) execFileSync('umount', [folder]);
    }
  });
});

/** A volume of one megabyte where this process may mount one; the operating system's answer is played otherwise. */
function mountSmall(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function* tooMuch(isMounted: boolean): AsyncIterable<Uint8Array> {
  for (let index = 0; index < 16; index += 1) yield randomBytes(MEGABYTE / 8);
  if (!isMounted) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}
