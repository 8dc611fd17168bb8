import { access, constants, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { mongodEngine } from './support/mongod-engine.mjs';
import { withLock } from './support/lock.mjs';
import { run } from './support/run.mjs';
import { installSystemPackages, packageForLoaderError } from './support/system-packages.mjs';
import { temporalEngine } from './support/temporal-engine.mjs';

/**
 * Finds the two engines, Temporal and MongoDB, in a fixed order: address in the environment, binary named in the
 * environment or on PATH, cache, official download, package registries. Typed in engines.d.mts.
 */

const ENGINES = { temporal: temporalEngine, mongod: mongodEngine };

export function cacheFolder(env = process.env) {
  const base = env.XDG_CACHE_HOME || join(homeFolder(env), '.cache');
  return join(base, 'perennial');
}

export async function findEngine(name, { env = process.env, onProgress = () => {} } = {}) {
  const engine = ENGINES[name];
  const address = env[engine.addressVariable];
  if (address) return { engine: name, kind: 'address', address, source: `address in ${engine.addressVariable}` };
  for (const { path, source } of await candidates(engine, env)) {
    const version = await probe(path, onProgress);
    if (version !== undefined) return { engine: name, kind: 'binary', path, version, source };
    if (source !== 'cache') throw new Error(`${path} (${source}) does not run: \`${path} --version\` fails.`);
  }
  return undefined;
}

export async function ensureEngine(name, { env = process.env, onProgress = () => {} } = {}) {
  const onWait = (pid) => onProgress(`${name}: another set-up (pid ${pid}) is at work, waiting for it`);
  const found = await withLock(join(cacheFolder(env), `${name}.lock`), { onWait }, async () => {
    return (await findEngine(name, { env, onProgress })) ?? (await install(name, env, onProgress));
  });
  onProgress(
    `${name}: ${found.kind === 'address' ? found.address : `${found.path} ${found.version}`} (${found.source})`,
  );
  return found;
}

function homeFolder(env) {
  return env.HOME || userInfo().homedir;
}

async function candidates(engine, env) {
  const named = env[engine.binaryVariable];
  if (named) return [{ path: named, source: `binary in ${engine.binaryVariable}` }];
  const onPath = await firstExecutable((env.PATH ?? '').split(delimiter).map((folder) => join(folder, engine.program)));
  if (onPath !== undefined) return [{ path: onPath, source: 'binary on PATH' }];
  const cached = await firstExecutable(engine.installs.map((way) => cachedPath(engine, way, env)));
  return cached === undefined ? [] : [{ path: cached, source: 'cache' }];
}

function cachedPath(engine, way, env) {
  const folder = `${engine.program}-${way.version}-${process.platform}-${process.arch}`;
  return join(cacheFolder(env), 'engines', folder, engine.program);
}

async function firstExecutable(paths) {
  for (const path of paths) {
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

/** The first line of `--version`, or undefined when the program does not run even with its libraries installed. */
async function probe(path, onProgress) {
  let result = await run(path, ['--version'], { timeoutMs: 60_000 });
  const missing = packageForLoaderError(result.output);
  if (result.code !== 0 && missing !== undefined) {
    await installSystemPackages([missing], onProgress);
    result = await run(path, ['--version'], { timeoutMs: 60_000 });
  }
  return result.code === 0 ? result.output.trim().split('\n')[0] : undefined;
}

async function install(name, env, onProgress) {
  const engine = ENGINES[name];
  const refusals = [];
  for (const way of engine.installs) {
    const target = cachedPath(engine, way, env);
    await mkdir(dirname(dirname(target)), { recursive: true });
    const scratch = await mkdtemp(join(dirname(dirname(target)), '.new-'));
    try {
      onProgress(`${name}: ${way.description}`);
      await way.fetch({ scratch, env: installEnvironment(env), onProgress });
      const version = await probe(join(scratch, engine.program), onProgress);
      if (version === undefined) throw new Error('the program that came does not run here');
      await rm(dirname(target), { recursive: true, force: true });
      await rename(scratch, dirname(target));
      return { engine: name, kind: 'binary', path: target, version, source: way.source };
    } catch (error) {
      onProgress(`${name}: ${way.source} not possible: ${error.message.split('\n')[0]}`);
      refusals.push(`- ${way.source}: ${error.message}`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  throw new Error(
    `No ${engine.title} could be found or installed.\n${refusals.join('\n')}\n` +
      `Set ${engine.addressVariable} to a running server or ${engine.binaryVariable} to a binary, then try again.`,
  );
}

/** Go and pip need some home folder for their caches; without one they get a place inside ours. */
function installEnvironment(env) {
  if (env.HOME) return env;
  const home = join(cacheFolder(env), 'home');
  return { ...env, HOME: home };
}
