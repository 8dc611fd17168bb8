/** Opens a source of any kind: its bytes are copied, within limits, before anything reads them. */
import { rm } from 'node:fs/promises';
import { sha256Hex } from '../source-file.js';
import type { JobContext } from '../context.js';
import { DEFAULT_LIMITS, type OpenedSource, type SourceFile, type SourceRequest } from './contract.js';
import { copyLocalFiles } from './local-files.js';
import { openBudget } from './private-copy.js';

/** Throws `PRN_DATASET_SOURCE_*` or `PRN_STORAGE_FULL`, and leaves nothing behind then; the caller removes the rest. */
export async function openSource(request: SourceRequest, context: JobContext): Promise<OpenedSource> {
  const budget = openBudget(request.limits ?? DEFAULT_LIMITS);
  const files = await copyLocalFiles(request, budget, context);
  return { sha256: digestOf(files), files, inputs: [], highWater: null, remove: () => removeCopies(files) };
}

/** The order of the names does not count: the same bytes are the same source. */
function digestOf(files: readonly SourceFile[]): string {
  const digests = files.map(({ sha256 }) => sha256).sort();
  return digests.length === 1 ? (digests[0] ?? '') : sha256Hex(digests.join('\n'));
}

async function removeCopies(files: readonly SourceFile[]): Promise<void> {
  await Promise.all(files.map(({ path }) => rm(path, { force: true })));
}
