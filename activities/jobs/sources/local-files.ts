/** Files on the worker's disk: one, or all that a pattern names; each inside an allowed folder, links followed first. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DomainError } from '../../../domain/errors.js';
import type { JobContext } from '../context.js';
import type { SourceFile, SourceRequest } from './contract.js';
import { findFiles, isPattern, startOf } from './file-pattern.js';
import { formatOf } from '../../../domain/source-format.js';
import { type CopyBudget, copyPrivately } from './private-copy.js';

/** Of one read: small ones cost more in calls than in bytes. */
const CHUNK_BYTES = 1_048_576;

/**
 * Copies every file that the request names. Throws `PRN_DATASET_SOURCE_MISSING`, `…_FORBIDDEN` if any lies outside the
 * allowed folders or is private, `…_IRREGULAR`, `…_CHANGED`, and what {@link copyPrivately} throws; no copy is left then.
 */
export async function copyLocalFiles(
  request: SourceRequest,
  budget: CopyBudget,
  context: JobContext,
): Promise<SourceFile[]> {
  const { sourceUri: uri, sourceFolders, privateFolder, format } = request;
  const requested = uri.startsWith('file://') ? fileURLToPath(uri) : uri;
  const allowed = await Promise.all(sourceFolders.map(placeOf));
  const bounds = { allowed, own: privateFolder === undefined ? null : await placeOf(privateFolder) };
  const names = (await isPattern(requested)) ? await findAllowed(resolve(requested), bounds) : [requested];
  if (names.length === 0) throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri });
  const originals: Original[] = [];
  for (const name of names)
    originals.push({ uri: names.length === 1 ? uri : name, ...(await resolveIn(name, bounds)) });
  const copies: SourceFile[] = [];
  try {
    for (const original of originals) {
      const { format: known, compression } = formatOf(original.name, format);
      const path = await context.artifacts.scratchPath('source');
      const copied = await copyUnchanged(original, { path, gunzip: compression === 'gzip', budget, context });
      const left = compression === 'zstd' ? compression : null;
      copies.push({ path, uri: original.uri, ...copied, format: known, compression: left });
    }
    return copies;
  } catch (error) {
    await Promise.all(copies.map(({ path }) => rm(path, { force: true })));
    throw error;
  }
}

interface Original {
  readonly uri: string;
  /** As it was asked for; its endings tell the format. */
  readonly name: string;
  readonly path: string;
}

interface Bounds {
  readonly allowed: readonly string[];
  readonly own: string | null;
}

/** Nothing is listed outside of the allowed folders: not even the names there are anybody's business. */
async function findAllowed(pattern: string, bounds: Bounds): Promise<string[]> {
  const start = await placeOf(startOf(pattern));
  const within = bounds.allowed.includes(start) ? join(start, 'any') : start;
  requireAllowed(within, { uri: pattern, bounds });
  return findFiles(pattern);
}

async function resolveIn(name: string, bounds: Bounds): Promise<{ name: string; path: string }> {
  const path = await realpath(name).catch(() => null);
  requireAllowed(path ?? (await placeOf(resolve(name))), { uri: name, bounds });
  if (path === null) throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri: name });
  return { name, path };
}

function requireAllowed(path: string, { uri, bounds }: { uri: string; bounds: Bounds }): void {
  const { allowed, own } = bounds;
  const isPrivate = own !== null && liesIn(path, own);
  if (!allowed.some((folder) => liesIn(path, folder) && (!isPrivate || liesIn(folder, own))))
    throw new DomainError('PRN_DATASET_SOURCE_FORBIDDEN', { uri, allowed: allowed.join(', ') });
}

/** Where a path leads, or would lead if it were there. */
async function placeOf(path: string): Promise<string> {
  const parent = dirname(path);
  return realpath(path).catch(async () => (parent === path ? path : join(await placeOf(parent), basename(path))));
}

function liesIn(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

interface CopyUse {
  readonly path: string;
  readonly gunzip: boolean;
  readonly budget: CopyBudget;
  readonly context: JobContext;
}

async function copyUnchanged(original: Original, use: CopyUse): Promise<{ sha256: string; bytes: number }> {
  const { uri } = original;
  // A pipe would block the open itself until somebody writes into it.
  const file = await open(original.path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri }, { cause: error });
    },
  );
  try {
    const before = await file.stat();
    if (!before.isFile()) throw new DomainError('PRN_DATASET_SOURCE_IRREGULAR', { uri, got: kindOf(before) });
    const stream = file.createReadStream({ autoClose: false, start: 0, highWaterMark: CHUNK_BYTES });
    const { budget, context, path, gunzip } = use;
    const copied = await copyPrivately({ uri, stream, path, gunzip, budget }, context);
    const what = (await changeOf(original.path, { file, before })) ?? sizeChange(copied.bytes, before);
    if (what === null) return copied;
    await rm(path, { force: true });
    throw new DomainError('PRN_DATASET_SOURCE_CHANGED', { uri, what });
  } finally {
    await file.close();
  }
}

async function changeOf(path: string, opened: { file: FileHandle; before: Stats }): Promise<string | null> {
  const { file, before } = opened;
  const [after, named] = await Promise.all([file.stat(), stat(path).catch(() => null)]);
  if (named === null || named.ino !== before.ino || named.dev !== before.dev) return 'it was replaced';
  if (after.size !== before.size) return `from ${before.size} to ${after.size} bytes`;
  return after.mtimeMs === before.mtimeMs ? null : 'it was written to';
}

function sizeChange(read: number, { size }: Stats): string | null {
  return read === size ? null : `${read} of ${size} bytes were there to read`;
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}
