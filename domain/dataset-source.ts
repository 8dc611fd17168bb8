/** Where the rows of a dataset come from when that is declared: a file or address, a MongoDB collection, or a query. */
import { z } from 'zod';
import { ColumnName, Name } from './names.js';

/** A MongoDB collection that is read from where the last committed ingestion stopped. */
export const CollectionSource = z.strictObject({
  collection: z.string().min(1).max(255),
  /** The one of the connection string where it is left out. */
  database: z.string().min(1).max(64).optional(),
  /** Names the worker's environment variable with the connection string; the installation's own server without it. */
  uri: z.strictObject({ fromEnv: z.string().regex(/^[A-Z][A-Z0-9_]*$/) }).optional(),
  /** A field that only grows, such as a time of writing or an ObjectId; documents without it are not read. */
  highWater: z.string().min(1),
});
export type CollectionSource = z.infer<typeof CollectionSource>;

export const DatasetSource = z.union([z.string().min(1).max(2_000), z.strictObject({ mongo: CollectionSource })]);
export type DatasetSource = z.infer<typeof DatasetSource>;

function hasDistinctViews(aliases: readonly string[]): boolean {
  const views = aliases.flatMap((alias) => [alias.toLowerCase(), `${alias.toLowerCase()}_history`]);
  return new Set(views).size === views.length;
}

/**
 * One SELECT over the newest versions of other datasets. Each is a view named by its alias, with the rows that no other
 * restates and the column `known_ts`; `<alias>_history` has every row, and `superseded_ts` beside.
 */
export const DatasetQuery = z.strictObject({
  sql: z.string().min(1).max(20_000),
  from: z
    .record(ColumnName, Name)
    .refine((from) => Object.keys(from).length > 0, 'name at least one dataset')
    .refine((from) => hasDistinctViews(Object.keys(from)), {
      error: 'two aliases give one view, also as `<alias>_history`: they must differ in more than the case of letters',
    }),
});
export type DatasetQuery = z.infer<typeof DatasetQuery>;

interface Declaring {
  readonly source?: DatasetSource | undefined;
  readonly query?: DatasetQuery | undefined;
  readonly mode?: 'append' | 'replace' | undefined;
}

/** The declared source as the text that ingestions carry; null where none is declared. */
export function declaredSourceUri(dataset: string, { source, query }: Declaring): string | null {
  if (query !== undefined) return `query:${dataset}`;
  if (source === undefined) return null;
  return typeof source === 'string' ? source : `mongo:${source.mongo.database ?? ''}/${source.mongo.collection}`;
}

/** True where a new version holds only the rows of its own ingestion; always so for a query. */
export function replacesRows({ query, mode }: Declaring): boolean {
  return query !== undefined || mode === 'replace';
}
