/**
 * Files that a program of somebody else wrote. Links are not followed, since what they point to is not of the run, and
 * nothing is waited for, as a pipe with nobody at its other end would have it.
 */
import { constants, type FileHandle, lstat, open } from 'node:fs/promises';
import type { ArtifactRef } from '../domain/artifact.js';
import type { ArtifactStore } from '../store/contracts/artifacts.js';

/** Why a file was not taken, to be put behind its name. */
export type Untaken = 'is missing' | 'is not a file' | 'is empty' | 'is too large';

/** Copies a file into the store: whoever wrote it may hold it open, or know it by another name, and change it. */
export async function keepProgramFile(
  artifacts: ArtifactStore,
  path: string,
  { mediaType, maxBytes }: { readonly mediaType: string; readonly maxBytes: number },
): Promise<ArtifactRef | Untaken> {
  return withFile(path, async (file, bytes) => {
    if (bytes === 0) return 'is empty';
    if (bytes > maxBytes) return 'is too large';
    const chunks = file.createReadStream({ autoClose: false, end: bytes - 1 });
    return artifacts.receive(chunks, mediaType, () => undefined);
  });
}

export async function readProgramFile(path: string, maxBytes: number): Promise<{ text: string } | Untaken> {
  return withFile(path, async (file, bytes) =>
    bytes > maxBytes ? 'is too large' : { text: new TextDecoder().decode(await file.readFile()) },
  );
}

/** The last bytes of a file, without reading what is before them; none where there is no file. */
export async function readProgramFileEnd(path: string, maxBytes: number): Promise<Uint8Array> {
  const end = await withFile(path, async (file, bytes) => {
    const position = Math.max(0, bytes - maxBytes);
    const { buffer, bytesRead } = await file.read({ buffer: new Uint8Array(bytes - position), position });
    return buffer.subarray(0, bytesRead);
  });
  return typeof end === 'string' ? new Uint8Array() : end;
}

async function withFile<T>(
  path: string,
  take: (file: FileHandle, bytes: number) => Promise<T | Untaken>,
): Promise<T | Untaken> {
  if ((await lstat(path).catch(() => null)) === null) return 'is missing';
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return 'is not a file';
  try {
    const found = await file.stat();
    return found.isFile() ? await take(file, found.size) : 'is not a file';
  } finally {
    await file.close();
  }
}
