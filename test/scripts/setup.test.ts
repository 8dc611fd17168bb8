import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder, ensureEngine, findEngine } from '../../scripts/engines.mjs';

describe('finding an engine', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;

  /** A program that answers `--version` like an engine would. */
  const putProgram = async (path: string, version: string): Promise<string> => {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, `#!/bin/sh\necho "${version}"\n`);
    await chmod(path, 0o755);
    return path;
  };
  const cachedPath = (): string =>
    join(cacheFolder(env), 'engines', `temporal-1.5.1-${process.platform}-${process.arch}`, 'temporal');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-setup-'));
    env = { PATH: join(folder, 'path'), HOME: join(folder, 'home') };
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('prefers an address, then a named binary, then PATH, then the cache', async () => {
    expect(await findEngine('temporal', { env })).toBeUndefined();

    const cached = await putProgram(cachedPath(), 'cached');
    expect(await findEngine('temporal', { env })).toMatchObject({ path: cached, version: 'cached', source: 'cache' });

    const onPath = await putProgram(join(folder, 'path', 'temporal'), 'on path');
    expect(await findEngine('temporal', { env })).toMatchObject({ path: onPath, source: 'binary on PATH' });

    const named = await putProgram(join(folder, 'named'), 'named');
    env['PERENNIAL_TEMPORAL_BIN'] = named;
    expect(await findEngine('temporal', { env })).toMatchObject({
      path: named,
      source: 'binary in PERENNIAL_TEMPORAL_BIN',
    });

    env['TEMPORAL_ADDRESS'] = '127.0.0.1:7233';
    expect(await findEngine('temporal', { env })).toEqual({
      engine: 'temporal',
      kind: 'address',
      address: '127.0.0.1:7233',
      source: 'address in TEMPORAL_ADDRESS',
    });
  });

  it('says which named binary does not run instead of silently taking another', async () => {
    await putProgram(cachedPath(), 'cached');
    env['PERENNIAL_TEMPORAL_BIN'] = join(folder, 'missing');
    await expect(findEngine('temporal', { env })).rejects.toThrow(
      'missing (binary in PERENNIAL_TEMPORAL_BIN) does not run',
    );
  });

  it('looks for the cache in XDG_CACHE_HOME first', () => {
    expect(cacheFolder({ HOME: '/home/a' })).toBe('/home/a/.cache/perennial');
    expect(cacheFolder({ HOME: '/home/a', XDG_CACHE_HOME: '/var/cache/a' })).toBe('/var/cache/a/perennial');
  });

  it('tells what it took, and takes over the lock of a set-up that died', async () => {
    const cached = await putProgram(cachedPath(), 'cached');
    // No process has this pid: it is above the largest that Linux gives out.
    await writeFile(join(cacheFolder(env), 'temporal.lock'), '4194305\n');
    const lines: string[] = [];
    await ensureEngine('temporal', { env, onProgress: (line) => lines.push(line) });
    expect(lines).toEqual([`temporal: ${cached} cached (cache)`]);
  });
});

describe('npm test', () => {
  it('says in words which Node.js is too old', async () => {
    const script = fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url));
    // A preload stands in for an old Node.js, which could not be installed beside this one.
    const preload = `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '18.20.4' })`;
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, ['--import', preload, script], (error, _stdout, text) =>
        resolve({ code: error?.code, stderr: text }),
      );
    });
    expect(code).toBe(1);
    expect(stderr).toContain('Perennial needs Node.js 20.19 or newer, this is 18.20.4.');
  });
});
