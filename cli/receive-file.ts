/** Downloads: to a file beside, in constant memory, which takes its place when it is whole. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

/** Writes a body to a file. The folder is made if it is missing; an earlier file is replaced only by a complete one. */
export async function receiveFile(body: ReadableStream, file: string): Promise<void> {
  const target = resolve(file);
  const partial = join(dirname(target), `.${basename(target)}.${process.pid}.partial`);
  await mkdir(dirname(target), { recursive: true });
  try {
    await pipeline(Readable.fromWeb(body), createWriteStream(partial));
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
