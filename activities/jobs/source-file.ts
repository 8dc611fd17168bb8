/** Sources on the worker's disk: only inside allowed folders, copied before they are read, so that they cannot change meanwhile. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, realpath, rm } from 'node:fs/promises';
import { sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { DomainError } from '../../domain/errors.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';

export interface OpenedSource {
  /** A private copy with the bytes that were digested. */
  readonly path: string;
  readonly sha256: string;
  remove(): Promise<void>;
}

export async function openSource(
  uri: string,
  folders: readonly string[],
  artifacts: ArtifactStore,
): Promise<OpenedSource> {
  const original = await resolveSource(uri, folders);
  const path = await artifacts.scratchPath('source');
  const hash = createHash('sha256');
  const digesting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(createReadStream(original), digesting, createWriteStream(path, { mode: 0o600 }));
  } catch (error) {
    await rm(path, { force: true });
    throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri }, { cause: error });
  }
  return { path, sha256: hash.digest('hex'), remove: () => rm(path, { force: true }) };
}

/** Links are followed first, so that none leads out of the allowed folders. */
async function resolveSource(uri: string, folders: readonly string[]): Promise<string> {
  const requested = uri.startsWith('file://') ? fileURLToPath(uri) : uri;
  const actual = await realpath(requested).catch((error: unknown) => {
    throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri }, { cause: error });
  });
  const allowed = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  if (!allowed.some((folder) => actual.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`))) {
    throw new DomainError('PRN_DATASET_SOURCE_FORBIDDEN', { uri, allowed: folders.join(', ') });
  }
  return actual;
}

const HEADER_BYTES = 65_536;

/** Column names of a CSV file's first line; names may be quoted. */
export async function readCsvHeader(path: string): Promise<string[]> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const [line = ''] = buffer
      .subarray(0, bytesRead)
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/);
    const fields = line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
    const names = fields.slice(0, line.endsWith(',') ? fields.length : -1).map((field) => field.replace(/,$/, ''));
    return names.map((name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.trim()));
  } finally {
    await file.close();
  }
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
