/** Artefacts as files by digest: `root/sha256/ab/<digest>`. Written beside and renamed, so that no half file is ever seen. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, copyFile, lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ArtifactRef } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import type { ArtifactStore } from '../contracts/artifacts.js';

export function openFileArtifacts(root: string): ArtifactStore {
  const pathOf = (sha256: string): string => join(root, 'sha256', sha256.slice(0, 2), sha256);
  const scratchPath = async (extension: string): Promise<string> => {
    const folder = join(root, 'scratch');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return join(folder, `${randomUUID()}.${extension}`);
  };

  return {
    scratchPath,
    async put(bytes, mediaType) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (!(await fileExists(pathOf(sha256)))) {
        const scratch = await scratchPath('part');
        await writeDurably(scratch, bytes);
        await place(scratch, pathOf(sha256));
      }
      return reference(sha256, bytes.length, mediaType);
    },
    async adopt(localPath, mediaType) {
      // A link would be moved as one, and show other bytes once what it points to changes.
      if (!(await lstat(localPath)).isFile()) throw new Error(`${localPath} is not a file of its own.`);
      const hash = createHash('sha256');
      await pipeline(createReadStream(localPath), hash);
      const sha256 = hash.digest('hex');
      const { size } = await stat(localPath);
      if (await fileExists(pathOf(sha256))) await rm(localPath);
      else await place(localPath, pathOf(sha256));
      return reference(sha256, size, mediaType);
    },
    async receive(stream, mediaType, check) {
      const scratch = await scratchPath('part');
      try {
        const { sha256, bytes } = await writeStream(scratch, stream, check);
        if (await fileExists(pathOf(sha256))) await rm(scratch);
        else await place(scratch, pathOf(sha256));
        return reference(sha256, bytes, mediaType);
      } catch (error) {
        await rm(scratch, { force: true });
        if (!isErrno(error, 'ENOSPC') && !isErrno(error, 'EDQUOT')) throw error;
        throw new DomainError('PRN_STORAGE_FULL', { what: 'the artefact store' }, { cause: error });
      }
    },
    async get(ref) {
      const bytes = await readFile(pathOf(ref.sha256)).catch((error: unknown) => {
        throw new DomainError('PRN_ARTIFACT_MISSING', { uri: ref.uri }, { cause: error });
      });
      const actual = createHash('sha256').update(bytes).digest('hex');
      if (actual !== ref.sha256)
        throw new DomainError('PRN_ARTIFACT_CORRUPT', { uri: ref.uri, actual, expected: ref.sha256 });
      return bytes;
    },
    async localPath(ref) {
      const path = pathOf(ref.sha256);
      if (!(await fileExists(path))) throw new DomainError('PRN_ARTIFACT_MISSING', { uri: ref.uri });
      return path;
    },
    exists: (ref) => fileExists(pathOf(ref.sha256)),
  };
}

function reference(sha256: string, bytes: number, mediaType: string): ArtifactRef {
  return { uri: `artifact://sha256/${sha256}`, sha256, bytes, mediaType };
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeStream(
  path: string,
  stream: AsyncIterable<Uint8Array>,
  check: (bytes: number, sha256: string | null) => void,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of stream) {
      bytes += chunk.length;
      check(bytes, null);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    const sha256 = hash.digest('hex');
    check(bytes, sha256);
    await file.sync();
    return { sha256, bytes };
  } finally {
    await file.close();
  }
}

/** Two writers of the same bytes may race: both rename equal files, and either may win. */
async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  try {
    await rename(from, to);
  } catch (error) {
    if (!isErrno(error, 'EXDEV')) throw error;
    const beside = `${to}.${randomUUID()}`;
    await copyFile(from, beside);
    await rename(beside, to);
    await rm(from);
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function fileExists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
