/** The engines without servers: artefacts and tables in a temporary folder that is gone afterwards, also after an error or Ctrl-C. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { JobContext } from '../../activities/jobs/context.js';
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
  body: (context: JobContext) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const interrupt = (signal: string): void => stop.abort(new Error(`stopped by ${signal}`));
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
      return await body({ tables, artifacts, progress: () => undefined, signal: stop.signal });
    } finally {
      await tables.close();
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    await rm(folder, { recursive: true, force: true });
  }
}
