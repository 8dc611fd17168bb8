/** Bodies that are read as they come: who stops sending is noticed, and nobody holds a connection for nothing. */
import type { NextFunction, Request, Response } from 'express';
import type { StreamedBody } from './route.js';

const SILENT_AFTER_MS = 60_000;
const WHOLE_WITHIN_MS = 300_000;
/** After a refusal: long enough for a caller who reads the answer, however much he still wanted to send. */
const UNREAD_AFTER_MS = 2_000;

/** The body of a request. Whoever stops reading it in the middle can still answer. */
export function streamedBody(request: Request): StreamedBody {
  return { chunks: { [Symbol.asyncIterator]: () => read(request) }, header: (name) => request.get(name) ?? null };
}

async function* read(request: Request): AsyncGenerator<Uint8Array, void, undefined> {
  const silent = new Error(`nothing came for ${SILENT_AFTER_MS / 1_000} s`);
  const timer = setTimeout(() => request.destroy(silent), SILENT_AFTER_MS);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Ends the connection of a caller who goes on sending what was refused. */
export function cutUnread(request: Request, response: Response, next: NextFunction): void {
  response.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => request.destroy(), UNREAD_AFTER_MS);
    request.once('close', () => clearTimeout(timer));
  });
  next();
}

/** Ends the connection of a caller whose small body does not come. */
export function endInTime(request: Request, _response: Response, next: NextFunction): void {
  const timer = setTimeout(() => request.destroy(), WHOLE_WITHIN_MS).unref();
  request.once('close', () => clearTimeout(timer));
  next();
}
