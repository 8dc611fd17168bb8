/** The engines without servers: artefacts and tables in a temporary folder that is gone afterwards, also after an error or Ctrl-C. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { JobContext } from '../../activities/jobs/context.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { openTableEngine } from '../../store/tables/engine.js';

/** DuckDB's limit counts neither its threads' buffers nor Node; the rest of the machine is theirs. */
const SHARE_OF_MEMORY = 0.4;
const LEAST_MEMORY_MB = 512;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface LocalEngineOptions {
  /** All processors by default; the results do not depend on it. */
  readonly threads?: number | undefined;
}

/** Runs the body with engines of its own. A signal interrupts the running query, and the body throws `PRN_TABLE_INTERRUPTED`. */
export async function withLocalEngine<T>(
  { threads = availableParallelism() }: LocalEngineOptions,
  body: (context: JobContext, artifactFolder: string) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const interrupt = (signal: string): void => stop.abort(new Error(`Stopped by ${signal}; nothing was written.`));
  for (const signal of SIGNALS) process.once(signal, interrupt);
  const folder = await mkdtemp(join(tmpdir(), 'perennial-local-'));
  try {
    const [artifactFolder, spillDirectory] = [join(folder, 'artifacts'), join(folder, 'spill')];
    await Promise.all([mkdir(artifactFolder), mkdir(spillDirectory)]);
    const memoryMb = Math.max(LEAST_MEMORY_MB, Math.floor((totalmem() * SHARE_OF_MEMORY) / 2 ** 20));
    const dataDirectories = [artifactFolder];
    const tables = await openTableEngine({ dataDirectories, spillDirectory, memoryLimit: `${memoryMb}MB`, threads });
    try {
      const artifacts = openFileArtifacts(artifactFolder);
      return await body({ tables, artifacts, progress: () => undefined, signal: stop.signal }, artifactFolder);
    } catch (error) {
      // Whatever was interrupted tells of it in words of its own.
      throw stop.signal.aborted ? stop.signal.reason : explain(error, folder);
    } finally {
      await tables.close();
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The engine tells of a full disk in its own words. */
function explain(error: unknown, folder: string): unknown {
  const reason = isDomainError(error) ? error.details['reason'] : undefined;
  if (typeof reason !== 'string' || !/no space left|disk quota|out of disk|ENOSPC/i.test(reason)) return error;
  const what = `the temporary folder ${folder} (TMPDIR names another place for it)`;
  return new DomainError('PRN_STORAGE_FULL', { what }, { cause: error });
}
