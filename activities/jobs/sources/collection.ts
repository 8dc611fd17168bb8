/** A collection of MongoDB as one NDJSON file of the documents behind the last one that was committed. */
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { HighWater } from '../../../domain/dataset.js';
import { DomainError } from '../../../domain/errors.js';
import type { JobContext } from '../context.js';
import type { Feed, SourceFile } from './contract.js';
import { type CopyBudget, copyPrivately } from './private-copy.js';

/** Null where there is nothing new. Throws what the reader and {@link copyPrivately} throw. */
export async function copyCollection(
  { uri, feed }: { uri: string; feed: Extract<Feed, { kind: 'collection' }> },
  budget: CopyBudget,
  context: JobContext,
): Promise<{ file: SourceFile; highWater: HighWater } | null> {
  const { collections, artifacts, signal } = context;
  if (collections === undefined)
    throw new DomainError('PRN_DATASET_SOURCE_UNAVAILABLE', { uri, reason: 'this worker reads no collections' });
  let reached: string | null = null;
  async function* lines(reader: NonNullable<JobContext['collections']>): AsyncIterable<Buffer> {
    const stop = AbortSignal.any([signal, budget.deadline]);
    for await (const row of reader.read(feed.source, feed.after, stop)) {
      yield Buffer.from(`${row.json}\n`);
      reached = row.highWater;
    }
  }
  const path = await artifacts.scratchPath('ndjson');
  const stream = Readable.from(lines(collections), { objectMode: true });
  const { sha256, bytes } = await copyPrivately({ uri, stream, path, gunzip: false, budget }, context);
  if (reached !== null) {
    const file: SourceFile = { path, uri, sha256, bytes, format: 'ndjson', compression: null };
    return { file, highWater: { after: feed.after, reached } };
  }
  await rm(path, { force: true });
  return null;
}
