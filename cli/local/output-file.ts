/** The result as one file, whole or not at all. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { JobContext } from '../../activities/jobs/context.js';
import { DomainError } from '../../domain/errors.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import type { OutputEnding } from '../output-ending.js';
import type { TableSession } from '../../store/contracts/tables.js';

const FORMATS = {
  parquet: 'format parquet, compression zstd',
  csv: 'format csv, header true',
  tsv: `format csv, header true, delimiter '\\t'`,
  json: 'format json, array true',
  ndjson: 'format json, array false',
  jsonl: 'format json, array false',
} as const satisfies Readonly<Record<OutputEnding, string>>;

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes the rows of a query in its order. The folder is made if it is missing. Throws `PRN_STORAGE_FULL`, or
 * `PRN_OUTPUT_UNWRITABLE`; an earlier file of that name is replaced only by a complete one.
 */
export async function writeRows(
  session: TableSession,
  { query, path, ending }: { query: string; path: string; ending: OutputEnding },
  { artifacts, signal }: JobContext,
): Promise<WrittenFile> {
  const scratch = await artifacts.scratchPath(ending);
  await session.execute(`copy (${query}) to ${quoteText(scratch)} (${FORMATS[ending]})`);
  signal.throwIfAborted();
  const target = resolve(path);
  const partial = join(dirname(target), `.${basename(target)}.${process.pid}.partial`);
  try {
    await mkdir(dirname(target), { recursive: true });
    await copyFile(scratch, partial);
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw unwritable(error, path);
  }
  const { size } = await stat(target);
  return { path, bytes: size, sha256: await digestOf(scratch) };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Whatever kept a file from being written: `PRN_STORAGE_FULL` or `PRN_OUTPUT_UNWRITABLE`. */
export function unwritable(error: unknown, path: string): DomainError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new DomainError('PRN_STORAGE_FULL', { what: path }, { cause: error });
  const reason = error instanceof Error ? error.message : String(error);
  return new DomainError('PRN_OUTPUT_UNWRITABLE', { path, reason }, { cause: error });
}
