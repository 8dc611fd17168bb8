import { createHash } from 'node:crypto';
import { access, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../engines.mjs';
import { withLock } from './lock.mjs';
import { plainEnvironment } from './node-modules.mjs';
import { run, runOrFail } from './run.mjs';
import { installSystemPackages } from './system-packages.mjs';

const LOCK_FILE = 'trainers/python/requirements.lock';
const OLDEST_PYTHON = [3, 11];
const NEWEST_LOCKED = [3, 13];
/** Imports what needs shared libraries of the system, so that a missing one shows here and not in the first run. */
const PROBE = 'import lightgbm, onnxruntime, pyarrow.parquet, sklearn.ensemble, skl2onnx, temporalio.worker';

/**
 * Where the trainers' virtual environment is for this checkout and interpreter, whether it exists or not: its folder is
 * named by the digest of the locked requirements and the version of Python.
 * @param {string} root folder of the checkout
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ folder: string, interpreter: string } | undefined>} undefined without a Python that is new enough
 */
export async function findPythonEnvironment(root, env = process.env) {
  const base = await basePython(env);
  if (base === undefined) return undefined;
  const folder = await folderOf(root, base, env);
  return (await exists(join(folder, '.complete'))) ? { folder, interpreter: interpreterIn(folder) } : undefined;
}

/**
 * Makes the trainers' virtual environment unless it is there: wheels only, versions and digests as locked.
 * @param {string} root folder of the checkout
 * @param {{ env?: NodeJS.ProcessEnv, onProgress?: (line: string) => void }} [options]
 * @returns {Promise<{ folder: string, interpreter: string }>}
 */
export async function ensurePythonEnvironment(root, { env = process.env, onProgress = () => {} } = {}) {
  const onWait = (pid) => onProgress(`python: another set-up (pid ${pid}) is at work, waiting for it`);
  return withLock(join(cacheFolder(env), 'python.lock'), { onWait }, async () => {
    if ((await basePython(env)) === undefined) await installPython(env, onProgress);
    const found = await findPythonEnvironment(root, env);
    if (found !== undefined) return found;
    await install(root, env, onProgress);
    const made = await findPythonEnvironment(root, env);
    if (made === undefined) throw new Error('The Python environment was made, but cannot be found.');
    return made;
  });
}

async function install(root, env, onProgress) {
  const base = await basePython(env);
  const folder = await folderOf(root, base, env);
  await removeUnfinished(dirname(folder));
  await mkdir(dirname(folder), { recursive: true });
  await rm(folder, { recursive: true, force: true });
  const plain = { ...plainEnvironment(env), PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  onProgress(`python: a virtual environment with ${base.version} and the locked packages (about 600 MB, a minute)`);
  await makeEnvironment(base.command, { folder, env: plain, onProgress });
  const interpreter = interpreterIn(folder);
  const locked = ['--only-binary', ':all:', '--require-hashes', '-r', join(root, LOCK_FILE)];
  await runOrFail(interpreter, ['-m', 'pip', 'install', '--quiet', ...locked], { env: plain });
  await probe(interpreter, plain, onProgress);
  await writeFile(join(folder, '.complete'), `${base.version}\n`);
  onProgress('python: installed');
}

async function folderOf(root, { version }, env) {
  const lock = await readFile(join(root, LOCK_FILE));
  const digest = createHash('sha256').update(lock).update(version).digest('hex').slice(0, 16);
  return join(cacheFolder(env), 'python', `trainer-${version}-${digest}`);
}

function interpreterIn(folder) {
  return join(folder, 'bin', 'python');
}

async function makeEnvironment(command, { folder, env, onProgress }) {
  const make = () => run(command, ['-m', 'venv', folder], { env });
  let made = await make();
  if (made.code !== 0 && /ensurepip|python3-venv|No module named venv/.test(made.output)) {
    await installSystemPackages(['python3-venv'], onProgress);
    await rm(folder, { recursive: true, force: true });
    made = await make();
  }
  if (made.code !== 0) throw new Error(`\`${command} -m venv\` failed:\n${made.output.trimEnd()}`);
}

async function probe(interpreter, env, onProgress) {
  let result = await run(interpreter, ['-c', PROBE], { env });
  if (result.code !== 0 && result.output.includes('libgomp.so.1')) {
    await installSystemPackages(['libgomp1'], onProgress);
    result = await run(interpreter, ['-c', PROBE], { env });
  }
  if (result.code !== 0) throw new Error(`The Python packages do not load:\n${result.output.slice(-2_000)}`);
}

/** The interpreter to build on: named in the environment, else the first on PATH that is new and known enough. */
async function basePython(env) {
  const named = env.PERENNIAL_PYTHON;
  const commands = named ? [named] : ['python3', 'python3.13', 'python3.12', 'python3.11'];
  for (const command of commands) {
    const { code, output } = await run(command, ['-c', 'import platform; print(platform.python_version())'], { env });
    const version = output.trim();
    if (code === 0 && isUsable(version)) return { command, version };
  }
  if (named)
    throw new Error(
      `${named} (PERENNIAL_PYTHON) is no Python ${OLDEST_PYTHON.join('.')} to ${NEWEST_LOCKED.join('.')}.`,
    );
  return undefined;
}

function isUsable(version) {
  const [major, minor] = version.split('.').map(Number);
  return major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1] && minor <= NEWEST_LOCKED[1];
}

async function installPython(env, onProgress) {
  await installSystemPackages(['python3', 'python3-venv'], onProgress);
  if ((await basePython(env)) !== undefined) return;
  throw new Error(
    `No Python ${OLDEST_PYTHON.join('.')} to ${NEWEST_LOCKED.join('.')} was found; install one, or name it in PERENNIAL_PYTHON.`,
  );
}

/** Environments that were never completed; complete ones of other versions may be in use by another checkout. */
async function removeUnfinished(parent) {
  for (const name of await readdir(parent).catch(() => [])) {
    if (await exists(join(parent, name, '.complete'))) continue;
    await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
