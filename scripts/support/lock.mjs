import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 500;
/** A lock that never got its owner's number is taken for abandoned after this many polls. */
const POLLS_WITHOUT_OWNER = 10;

/**
 * Runs `body` while no other process holds the lock file; the lock of a process that died is taken over.
 * @template T
 * @param {string} path
 * @param {{ onWait: (pid: number) => void }} options called once if another process has to be waited for
 * @param {() => Promise<T>} body
 * @returns {Promise<T>}
 */
export async function withLock(path, { onWait }, body) {
  await mkdir(dirname(path), { recursive: true });
  let told = false;
  for (let ownerless = 0; !(await tryLock(path));) {
    const pid = await ownerOf(path);
    ownerless = pid === undefined ? ownerless + 1 : 0;
    if (ownerless > POLLS_WITHOUT_OWNER || (pid !== undefined && !isAlive(pid))) {
      await rm(path, { force: true });
      continue;
    }
    if (!told && pid !== undefined) {
      onWait(pid);
      told = true;
    }
    await sleep(POLL_MS);
  }
  try {
    return await body();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path) {
  try {
    await writeFile(path, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

async function ownerOf(path) {
  const pid = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  return Number.isInteger(pid) ? pid : undefined;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
