import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobContext } from '../../../activities/jobs/context.js';
import { openFileArtifacts } from '../../../store/artifacts/file.js';
import { openTableEngine } from '../../../store/tables/engine.js';

/** Real engines over a temporary folder, with a landing folder that sources may lie in. */
export interface SourceBench {
  readonly folder: string;
  readonly landing: string;
  readonly context: JobContext;
  /** Private copies that are still there. */
  copies(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openSourceBench(): Promise<SourceBench> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  const landing = join(folder, 'landing');
  const scratch = join(folder, 'artifacts', 'scratch');
  for (const path of [landing, scratch, join(folder, 'spill')]) await mkdir(path, { recursive: true });
  const tables = await openTableEngine({
    dataDirectories: [join(folder, 'artifacts'), landing],
    spillDirectory: join(folder, 'spill'),
  });
  const artifacts = openFileArtifacts(join(folder, 'artifacts'));
  return {
    folder,
    landing,
    context: { tables, artifacts, progress: () => undefined, signal: new AbortController().signal },
    copies: () => readdir(scratch),
    async close() {
      await tables.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
