import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrFail } from './run.mjs';

const STAMP = 'node_modules/.perennial-stamp';

/**
 * Installs exactly what package-lock.json says, development packages included, unless that was done before for the same
 * lock file and the same Node.js ABI.
 * @param {string} root folder of the checkout
 * @param {(line: string) => void} onProgress
 */
export async function ensureNodeModules(root, onProgress) {
  const wanted = await stampOf(root);
  const present = await readFile(join(root, STAMP), 'utf8').catch(() => undefined);
  if (present === wanted) return;
  onProgress('packages: npm ci (about 20 s)');
  await runOrFail('npm', ['ci', '--include=dev'], { cwd: root, env: plainEnvironment(process.env) });
  await writeFile(join(root, STAMP), wanted);
  onProgress('packages: installed');
}

/**
 * The environment without what an outer npm or a production setting would change about an installation.
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function plainEnvironment(env) {
  const kept = Object.entries(env).filter(([name]) => name !== 'NODE_ENV' && !/^npm_/i.test(name));
  return Object.fromEntries(kept);
}

async function stampOf(root) {
  const lockFile = await readFile(join(root, 'package-lock.json'));
  const digest = createHash('sha256').update(lockFile).digest('hex');
  return `${digest} abi-${process.versions.modules}\n`;
}
