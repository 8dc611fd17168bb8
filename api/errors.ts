/** The last middleware: every error becomes `{error: {code, message, details, requestId}}` with the catalogue's status. */
import type { NextFunction, Request, Response } from 'express';
import { DomainError, isDomainError } from '../domain/errors.js';

export function toHttpError(error: unknown, requestId: string): DomainError {
  if (isDomainError(error)) return error;
  if (error instanceof Error && 'type' in error) {
    if (error.type === 'entity.too.large')
      return new DomainError('PRN_REQUEST_TOO_LARGE', { limitBytes: 'limit' in error ? error.limit : '' });
    if (error.type === 'entity.parse.failed')
      return new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: `it is not JSON (${error.message})` });
  }
  if (error instanceof Error && /^Mongo(ServerSelection|Network|NotConnected|PoolCleared)/.test(error.name)) {
    return new DomainError('PRN_UNAVAILABLE', { what: 'MongoDB', reason: error.message }, { cause: error });
  }
  return new DomainError('PRN_INTERNAL', { requestId }, { cause: error });
}

export function errorMiddleware(onInternal: (error: unknown, requestId: string) => void) {
  // Express recognises error handlers by their four parameters; the linter's limit is lifted for this file.
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
