import { createHash } from 'node:crypto';
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrFail } from './run.mjs';

const STAMP = 'dist/.sources';

/**
 * Compiles the sources to dist/ and bundles the workflows unless nothing changed since the last time; outputs of deleted sources disappear.
 * @param {string} root folder of the checkout
 * @param {(line: string) => void} onProgress
 */
export async function ensureBuild(root, onProgress) {
  const sources = await listSources(root);
  const wanted = await stampOf(root, sources);
  const present = await readFile(join(root, STAMP), 'utf8').catch(() => undefined);
  if (present === wanted) return;
  onProgress('build: tsc');
  await runOrFail(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], {
    cwd: root,
  });
  await removeOrphans(root, new Set(sources));
  onProgress('build: bundle of the workflows');
  await runOrFail(process.execPath, [join(root, 'scripts/prebuild-workflows.mjs')], { cwd: root });
  await writeFile(join(root, STAMP), wanted);
  onProgress('build: dist/ is up to date');
}

async function listSources(root) {
  const { include } = JSON.parse(await readFile(join(root, 'tsconfig.json'), 'utf8'));
  const folders = include.map((pattern) => pattern.split('/')[0]);
  const lists = await Promise.all(folders.map((folder) => listFiles(root, folder, '.ts')));
  return lists.flat().toSorted((a, b) => a.localeCompare(b));
}

async function listFiles(root, folder, suffix) {
  const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith(suffix)).map((name) => `${folder}/${name}`);
}

async function stampOf(root, sources) {
  const hash = createHash('sha256');
  for (const path of ['tsconfig.json', 'package-lock.json', ...sources]) {
    const { mtimeMs, size } = await stat(join(root, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

async function removeOrphans(root, sources) {
  for (const name of await listFiles(root, 'dist', '.js')) {
    const stem = name.slice('dist/'.length, -'.js'.length);
    if (sources.has(`${stem}.ts`)) continue;
    await rm(join(root, name), { force: true });
    await rm(join(root, `${name}.map`), { force: true });
  }
}
