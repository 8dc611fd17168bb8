/** Lists that grow: `limit` items after the item that `after` names. The cursor is an id, so new items do not shift pages. */
import { z } from 'zod';
import { DomainError } from '../domain/errors.js';

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).meta({ description: 'Items of one page' }),
  after: z.string().min(1).max(300).optional().meta({ description: '`next` of the page before' }),
});
export type PageQuery = z.infer<typeof PageQuery>;

export interface Page<T> {
  readonly items: readonly T[];
  /** What to send as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** The response schema of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item).readonly(),
    next: z.string().nullable().meta({ description: 'Send it as `after`; null on the last page' }),
  });
}

/** The response schema of a list that is always whole. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item).readonly() });
}

/**
 * One page of a list. `read` gives its first `count` items (or more); `idOf` names an item for ever. Reads further until
 * the cursor is found, so the cost grows with the position. Throws `PRN_REQUEST_INVALID` for a cursor of no item.
 */
export async function readPage<T>(
  { limit, after }: PageQuery,
  list: { readonly read: (count: number) => Promise<readonly T[]>; readonly idOf: (item: T) => string },
): Promise<Page<T>> {
  for (let count = after === undefined ? limit + 1 : limit * 4; ; count *= 4) {
    const found = await list.read(count);
    const start = after === undefined ? 0 : found.findIndex((item) => list.idOf(item) === after) + 1;
    const isCursorFound = after === undefined || start > 0;
    const isWhole = found.length < count;
    if (isCursorFound && (isWhole || found.length > start + limit)) return cut(found, { start, limit }, list.idOf);
    if (isWhole)
      throw new DomainError('PRN_REQUEST_INVALID', { what: 'query', problem: `after: this list has no item ${after}` });
  }
}

function cut<T>(found: readonly T[], at: { start: number; limit: number }, idOf: (item: T) => string): Page<T> {
  const items = found.slice(at.start, at.start + at.limit);
  const last = items.at(-1);
  return { items, next: last !== undefined && found.length > at.start + at.limit ? idOf(last) : null };
}
