/** One page of a search for runs, and the token of the next. */
import { canonicalJson } from '../../domain/canonical-json.js';
import { DomainError } from '../../domain/errors.js';
import type { Sha256Hex } from '../../domain/ids.js';
import { PageToken, type Position } from '../../domain/run-search/position.js';
import type { RunSearch } from '../../domain/run-search/query.js';
import type { Database, StoredDocument } from './database.js';
import { filtersOf } from './run-filter.js';
import { positionOf, runsInOrder } from './run-order.js';

/** Longest time of all queries of one search. */
const MAX_TIME_MS = 30_000;

/** Throws `PRN_RUN_PAGE_INVALID` for a token of another search. */
export async function searchRuns(
  database: Database,
  search: RunSearch,
  sha256Hex: Sha256Hex,
): Promise<{ readonly documents: readonly StoredDocument[]; readonly next: string | null }> {
  const digest = digestOf(search, sha256Hex);
  const { order, limit } = search;
  const found = await runsInOrder({
    runs: database.collection('runs'),
    deadlineMs: performance.now() + MAX_TIME_MS,
    filters: filtersOf(search),
    order,
    after: search.after === null ? null : readToken(search.after, { digest, places: order.length }),
    limit: limit + 1,
  });
  const documents = found.slice(0, limit);
  const last = documents.at(-1);
  const isLastPage = last === undefined || found.length <= limit;
  return { documents, next: isLastPage ? null : writeToken({ search: digest, position: positionOf(last, order) }) };
}

function digestOf({ experimentIds, conditions, order, lifecycle }: RunSearch, sha256Hex: Sha256Hex): string {
  // Written out first: a condition may compare with an infinity, which canonical JSON refuses.
  const values = conditions.map(({ value }) => String(value));
  const asked = conditions.map(({ field, operator }) => ({ field, operator }));
  return sha256Hex(canonicalJson([experimentIds, asked, values, order, lifecycle])).slice(0, 16);
}

function writeToken(token: PageToken): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function readToken(text: string, expected: { readonly digest: string; readonly places: number }): Position {
  const token = PageToken.safeParse(parsed(text));
  if (!token.success || token.data.search !== expected.digest) throw new DomainError('PRN_RUN_PAGE_INVALID');
  const { position } = token.data;
  if (position.places.length !== expected.places) throw new DomainError('PRN_RUN_PAGE_INVALID');
  return position;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}
