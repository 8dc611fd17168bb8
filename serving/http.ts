/** Small pieces of HTTP for the raw server: bodies with a limit, JSON answers, errors in the protocol's shape. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError, isDomainError } from '../domain/errors.js';

export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Reads the whole body as text; throws `PRN_REQUEST_TOO_LARGE`. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new DomainError('PRN_REQUEST_TOO_LARGE', { limitBytes: MAX_BODY_BYTES });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, { status, type: 'application/json', text: JSON.stringify(body) });
}

export function sendText(response: ServerResponse, answer: { status: number; type: string; text: string }): void {
  if (response.headersSent) return;
  const bytes = Buffer.from(answer.text);
  response.writeHead(answer.status, { 'content-type': answer.type, 'content-length': bytes.length });
  response.end(bytes);
}

/** `{"error": "…"}` with a status from the catalogue. What is not in it stays inside and is logged. */
export function sendError(response: ServerResponse, error: unknown, onUnknown: (error: unknown) => void): void {
  if (!isDomainError(error)) {
    onUnknown(error);
    return sendJson(response, 500, {
      error: 'Internal error; the log of the serving process has the details.',
      code: 'PRN_INTERNAL',
    });
  }
  if (error.status === 503 && !response.headersSent) response.setHeader('retry-after', '1');
  if (error.code === 'PRN_REQUEST_TOO_LARGE' && !response.headersSent) response.setHeader('connection', 'close');
  sendJson(response, error.status, { error: error.message, code: error.code });
}
