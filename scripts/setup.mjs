import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cacheFolder, ensureEngine } from './engines.mjs';
import { ensureBuild } from './support/build.mjs';
import { withLock } from './support/lock.mjs';
import { ensureNodeModules } from './support/node-modules.mjs';
import { createProgress } from './support/progress.mjs';
import { ensurePythonEnvironment } from './support/python-environment.mjs';

/** Folder of the checkout. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

const OLDEST_NODE = [20, 19];

/**
 * Makes a fresh checkout runnable: checks Node.js, installs packages, compiles, and provides both engines and, where
 * asked for, the environment of the trainers in Python. Safe to call every time and from several processes at once; what
 * is in place is left alone.
 * @param {{ onProgress?: (line: string) => void, python?: boolean }} [options]
 * @returns {Promise<{ temporal: import('./engines.mjs').EngineChoice, mongod: import('./engines.mjs').EngineChoice, python: { folder: string, interpreter: string } | undefined, seconds: number }>}
 */
export async function ensureSetup({ onProgress = createProgress(), python = false } = {}) {
  const startedAt = performance.now();
  requireNode();
  const checkout = createHash('sha256').update(ROOT).digest('hex').slice(0, 16);
  const onWait = (pid) => onProgress(`set-up: another set-up of this checkout (pid ${pid}) is at work, waiting for it`);
  const outcomes = await Promise.allSettled([
    withLock(join(cacheFolder(), `checkout-${checkout}.lock`), { onWait }, async () => {
      await ensureNodeModules(ROOT, onProgress);
      await ensureBuild(ROOT, onProgress);
    }),
    ensureEngine('temporal', { onProgress }),
    ensureEngine('mongod', { onProgress }),
    python ? ensurePythonEnvironment(ROOT, { onProgress }) : undefined,
  ]);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.message] : []));
  if (failures.length > 0) throw new Error(`Set-up failed.\n${failures.join('\n\n')}`);
  const seconds = (performance.now() - startedAt) / 1000;
  onProgress(`set-up: ready after ${seconds.toFixed(1)} s`);
  return { temporal: outcomes[1].value, mongod: outcomes[2].value, python: outcomes[3].value, seconds };
}

/**
 * Runs a script's main function; an error is printed as text, without a stack, and ends the process with code 1.
 * @param {() => Promise<number>} main gives the exit code
 */
export async function runScript(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Error(
    `Perennial needs Node.js ${OLDEST_NODE.join('.')} or newer, this is ${process.versions.node}. ` +
      'Install a current version from https://nodejs.org and try again.',
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runScript(async () => {
    await ensureSetup({ python: true });
    return 0;
  });
}
