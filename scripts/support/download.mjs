import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const CONNECT_TIMEOUT_MS = 5_000;
const TRANSFER_TIMEOUT_MS = 15 * 60_000;

/**
 * Fetches a URL into a file. Gives up after five seconds without an answer, so that a machine without that host moves on.
 * @param {string} url
 * @param {string} path
 */
export async function download(url, path) {
  const response = await open(url);
  if (response.body === null) throw new Error('empty answer');
  await pipeline(Readable.fromWeb(response.body), createWriteStream(path));
}

/**
 * @param {string} url
 * @returns {Promise<string>} the text behind the URL
 */
export async function downloadText(url) {
  return (await open(url)).text();
}

/**
 * @param {string} path
 * @returns {Promise<string>} the SHA-256 of the file in hexadecimal
 */
export async function sha256OfFile(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function open(url) {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`));
  const connectTimer = setTimeout(abort, CONNECT_TIMEOUT_MS);
  const transferTimer = setTimeout(abort, TRANSFER_TIMEOUT_MS);
  transferTimer.unref();
  try {
    const response = await fetch(url, { signal: controller.signal });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response;
  } catch (error) {
    throw new Error(error.cause?.message ?? error.message, { cause: error });
  } finally {
    clearTimeout(connectTimer);
  }
}
