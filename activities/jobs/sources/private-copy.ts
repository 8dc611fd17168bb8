/** Streams bytes into a private file within limits, digesting them as they came. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DomainError, isDomainError } from '../../../domain/errors.js';
import type { JobContext } from '../context.js';
import type { SourceLimits } from './contract.js';

const REPORT_EVERY_MS = 2_000;

/** What a whole source may still use, over all its files. */
export interface CopyBudget {
  readonly limits: SourceLimits;
  /** Aborted when the time is over. */
  readonly deadline: AbortSignal;
  bytesLeft: number;
}

/** Starts the clock of a source. */
export function openBudget(limits: SourceLimits): CopyBudget {
  return { limits, deadline: AbortSignal.timeout(limits.maxSeconds * 1_000), bytesLeft: limits.maxBytes };
}

export interface CopyInput {
  readonly uri: string;
  readonly stream: Readable;
  readonly path: string;
  readonly gunzip: boolean;
  readonly budget: CopyBudget;
}

/**
 * Copies a stream to a file, unpacking gzip. The file is gone if this throws: `PRN_DATASET_SOURCE_TOO_LARGE`,
 * `…_ENDLESS`, `…_UNREADABLE` (damaged gzip), `PRN_STORAGE_FULL`, or what the stream fails with.
 */
export async function copyPrivately(
  { uri, stream, path, gunzip, budget }: CopyInput,
  { progress, signal }: Pick<JobContext, 'progress' | 'signal'>,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let reported = Date.now();
  const came = eachChunk((chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
    if (Date.now() - reported < REPORT_EVERY_MS) return;
    reported = Date.now();
    progress({ message: `${bytes} bytes read` });
  });
  const charged = eachChunk((chunk) => {
    budget.bytesLeft -= chunk.length;
    if (budget.bytesLeft < 0)
      throw new DomainError('PRN_DATASET_SOURCE_TOO_LARGE', { uri, limitBytes: budget.limits.maxBytes });
  });
  const steps = [stream, came, ...(gunzip ? [createGunzip()] : []), charged, createWriteStream(path, { mode: 0o600 })];
  try {
    await pipeline(steps, { signal: AbortSignal.any([signal, budget.deadline]) });
  } catch (error) {
    await rm(path, { force: true });
    throw explain(error, { uri, budget, signal });
  }
  return { sha256: hash.digest('hex'), bytes };
}

function eachChunk(visit: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        visit(chunk);
        done(null, chunk);
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}

function explain(error: unknown, about: { uri: string; budget: CopyBudget; signal: AbortSignal }): unknown {
  const { uri, budget, signal } = about;
  if (isDomainError(error) || signal.aborted) return error;
  if (budget.deadline.aborted)
    return new DomainError('PRN_DATASET_SOURCE_ENDLESS', { uri, seconds: budget.limits.maxSeconds }, { cause: error });
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new DomainError('PRN_STORAGE_FULL', { what: `the private copy of ${uri}` }, { cause: error });
  if (!code.startsWith('Z_')) return error;
  const reason = `the gzip data is damaged or cut short (${error instanceof Error ? error.message : code})`;
  return new DomainError('PRN_DATASET_SOURCE_UNREADABLE', { uri, format: 'gzip', line: '', reason }, { cause: error });
}
