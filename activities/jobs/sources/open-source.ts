/** Opens a source of any kind: its bytes are copied, within limits, before anything reads them. */
import { rm } from 'node:fs/promises';
import { sha256Hex } from '../../../store/contracts/digests.js';
import type { JobContext } from '../context.js';
import { copyCollection } from './collection.js';
import { DEFAULT_LIMITS, type OpenedSource, type SourceFile, type SourceRequest } from './contract.js';
import { copyLocalFiles } from './local-files.js';
import { type CopyBudget, openBudget } from './private-copy.js';
import { runQuery } from './query.js';
import { copyStoredFile } from './stored-file.js';
import { copyWebFile, isWebAddress } from './web-file.js';

/** Throws `PRN_DATASET_SOURCE_*` or `PRN_STORAGE_FULL`, and leaves nothing behind then; the caller removes the rest. */
export async function openSource(request: SourceRequest, context: JobContext): Promise<OpenedSource> {
  const budget = openBudget(request.limits ?? DEFAULT_LIMITS);
  const { files, inputs = [], highWater = null } = await copySource(request, budget, context);
  return { sha256: digestOf(files), files, inputs, highWater, remove: () => removeCopies(files) };
}

type Copied = Pick<OpenedSource, 'files'> & Partial<Pick<OpenedSource, 'inputs' | 'highWater'>>;

async function copySource(request: SourceRequest, budget: CopyBudget, context: JobContext): Promise<Copied> {
  const { sourceUri: uri, feed } = request;
  if (feed?.kind === 'collection') {
    const copied = await copyCollection({ uri, feed }, budget, context);
    return copied === null ? { files: [] } : { files: [copied.file], highWater: copied.highWater };
  }
  if (feed?.kind === 'query') {
    const inputs = feed.inputs.map(({ dataset, versionId, commitSeq }) => ({ dataset, versionId, commitSeq }));
    return { files: [await runQuery({ uri, feed }, budget, context)], inputs };
  }
  if (feed?.kind === 'stored') return { files: [await copyStoredFile(request, { feed, budget }, context)] };
  if (isWebAddress(uri)) return { files: [await copyWebFile(request, budget, context)] };
  return { files: await copyLocalFiles(request, budget, context) };
}

/** The order of the names does not count: the same bytes are the same source. */
function digestOf(files: readonly SourceFile[]): string {
  const digests = files.map(({ sha256 }) => sha256).sort();
  return digests.length === 1 ? (digests[0] ?? '') : sha256Hex(digests.join('\n'));
}

async function removeCopies(files: readonly SourceFile[]): Promise<void> {
  await Promise.all(files.map(({ path }) => rm(path, { force: true })));
}
