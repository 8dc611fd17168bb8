/** Small pieces of HTTP for the raw server: bodies with a limit, JSON answers, errors in the protocol's shape. */
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError, isDomainError } from '../domain/errors.js';

export const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** All bodies that are being read at once: thousands of slow uploads must not fill the memory. */
const MAX_READING_BYTES = 256 * 1024 * 1024;
/** A caller who sends too much is heard out so far, so that it gets to read the refusal. */
const MAX_DISCARDED_BYTES = 8 * MAX_BODY_BYTES;

/** Reads whole bodies as UTF-8 text. Throws `PRN_REQUEST_TOO_LARGE`, `PRN_REQUEST_INVALID`, `PRN_SERVING_OVERLOADED`. */
export function createBodyReader(): (request: IncomingMessage) => Promise<string> {
  let readingBytes = 0;
  return async (request) => {
    const { 'content-encoding': encoding = 'identity', 'inference-header-content-length': jsonBytes } = request.headers;
    if (encoding !== 'identity') throw invalidBody(`content encoding ${encoding} is not supported; send it as it is`);
    if (jsonBytes !== undefined && jsonBytes !== request.headers['content-length'])
      throw invalidBody('binary tensor data is not supported here; send the tensors as JSON');
    let kept = 0;
    try {
      const bytes = await collect(request, (size) => {
        if (readingBytes + size > MAX_READING_BYTES)
          throw new DomainError('PRN_SERVING_OVERLOADED', { queued: readingBytes });
        readingBytes += size;
        kept += size;
      });
      if (!isUtf8(bytes)) throw invalidBody('it is not valid UTF-8');
      return bytes.toString('utf8');
    } finally {
      readingBytes -= kept;
    }
  };
}

/** `keep` is told of every chunk that stays in memory and may refuse it. */
function collect(request: IncomingMessage, keep: (size: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    let refusal: Error | null = null;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (refusal === null && bytes > MAX_BODY_BYTES)
        refusal = new DomainError('PRN_REQUEST_TOO_LARGE', { limitBytes: MAX_BODY_BYTES });
      try {
        if (refusal === null) {
          keep(chunk.length);
          chunks.push(chunk);
        }
      } catch (error) {
        refusal = error instanceof Error ? error : new Error(String(error));
      }
      if (refusal !== null) chunks = [];
      if (refusal !== null && bytes > MAX_DISCARDED_BYTES) reject(refusal);
    });
    request.on('end', () => (refusal === null ? resolve(joinChunks(chunks)) : reject(refusal)));
    const cutShort = (): void => {
      if (!request.readableEnded) reject(invalidBody('the connection ended before all of it had come'));
    };
    request.on('error', cutShort);
    request.on('close', cutShort);
  });
}

function joinChunks(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

function invalidBody(problem: string): DomainError {
  return new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, { status, type: 'application/json', text: JSON.stringify(body) });
}

export function sendText(response: ServerResponse, answer: { status: number; type: string; text: string }): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(answer.text);
  response.writeHead(answer.status, { 'content-type': answer.type, 'content-length': bytes.length });
  response.end(bytes);
}

/**
 * `{"error": "…"}` with a status from the catalogue. What is not in it stays inside: the caller gets an id under which
 * the log has it. Returns the code that was sent.
 */
export function sendError(
  response: ServerResponse,
  error: unknown,
  onUnknown: (requestId: string, error: unknown) => void,
): string {
  const known = isDomainError(error) ? error : hideError(error, onUnknown);
  if (!response.headersSent) {
    if (known.status === 503) response.setHeader('retry-after', '1');
    if (known.code === 'PRN_REQUEST_TOO_LARGE') response.setHeader('connection', 'close');
  }
  sendJson(response, known.status, { error: known.message, code: known.code });
  return known.code;
}

function hideError(error: unknown, onUnknown: (requestId: string, error: unknown) => void): DomainError {
  const requestId = randomBytes(8).toString('hex');
  onUnknown(requestId, error);
  return new DomainError('PRN_INTERNAL', { requestId });
}
