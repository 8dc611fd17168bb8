/** JSON bodies against their schemas. */
import type { z } from 'zod';
import { DomainError } from '../domain/errors.js';

/** Throws `PRN_REQUEST_INVALID` with the first things that are wrong. */
export function parseBody<S extends z.ZodType>(schema: S, body: string): z.infer<S> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: 'it is not JSON' });
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.')}: ${message.slice(0, 200)}`.replace(/^: /, ''))
    .join('; ');
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}
