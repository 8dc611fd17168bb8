/** The last middleware: every error becomes `{error: {code, message, details, requestId}}` with the catalogue's status. */
import type { NextFunction, Request, Response } from 'express';
import { DomainError, isDomainError } from '../domain/errors.js';

/** What callers are told about an error. Whatever is neither theirs nor an absent engine is `PRN_INTERNAL`. */
export function toHttpError(error: unknown, requestId: string): DomainError {
  if (isDomainError(error)) return error;
  if (error instanceof Error) {
    const refused = unreadableRequest(error);
    if (refused !== null) return refused;
    if (isDatabaseAway(error))
      return new DomainError('PRN_UNAVAILABLE', { what: 'MongoDB', reason: error.message }, { cause: error });
  }
  return new DomainError('PRN_INTERNAL', { requestId }, { cause: error });
}

/** What the router and the body reader refuse: they mark their errors with a status of the 400s. */
function unreadableRequest(error: Error): DomainError | null {
  if (!('status' in error) || typeof error.status !== 'number' || error.status < 400 || error.status > 499) return null;
  const type = 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large')
    return new DomainError('PRN_REQUEST_TOO_LARGE', { limitBytes: 'limit' in error ? error.limit : '' });
  const problem = type === 'entity.parse.failed' ? `it is not JSON (${error.message})` : error.message;
  const what = error instanceof URIError ? 'path' : type === undefined ? 'request' : 'body';
  return new DomainError('PRN_REQUEST_INVALID', { what, problem });
}

const AWAY =
  /^Mongo(ServerSelection|Network|NotConnected|Pool|Topology|WaitQueue|OperationTimeout|ClientClosed|ExpiredSession)/;

function isDatabaseAway(error: Error): boolean {
  if (AWAY.test(error.name)) return true;
  // A server that steps down or shuts down says so by labels.
  const labels = 'errorLabels' in error && Array.isArray(error.errorLabels) ? error.errorLabels : [];
  return labels.includes('TransientTransactionError') || labels.includes('RetryableWriteError');
}

/** Express recognises error handlers by their four parameters; the linter's limit is lifted for this file. */
export function errorMiddleware(onInternal: (error: unknown, requestId: string) => void) {
  return (error: unknown, _request: Request, response: Response, next: NextFunction): void => {
    if (response.headersSent) return next(error);
    const requestId = String(response.locals['requestId'] ?? '');
    const mapped = toHttpError(error, requestId);
    if (mapped.code === 'PRN_INTERNAL') onInternal(error, requestId);
    if (mapped.status === 503) response.setHeader('retry-after', '1');
    response
      .status(mapped.status)
      .json({ error: { code: mapped.code, message: mapped.message, details: mapped.details, requestId } });
  };
}
