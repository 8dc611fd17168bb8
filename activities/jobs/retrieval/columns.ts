/** Names of the columns that a spine has beside its own while it is joined; a spine with such names is refused. */
import type { FrozenView } from '../../../domain/bundle.js';
import type { EntityKey } from '../../../domain/feature-view.js';
import { SPINE } from '../../../ml/features/spine-sql.js';
import { quoteIdentifier } from '../../../ml/features/expression/sql.js';

/** What all of them begin with. */
export const OWN_COLUMNS = ':';

export const [ROW, TIME] = [quoteIdentifier(SPINE.row), quoteIdentifier(SPINE.time)];

/** A column of the spine in the type of an entity key: one column may be text to one entity and a number to another. */
export function keyColumn(column: string, type: EntityKey['type']): string {
  return `:key:${type}:${column}`;
}

/** A feature of one of the plan's views. */
export function viewColumn(use: number, feature: string): string {
  return `:${use}:${feature}`;
}

/** Columns of the spine that the views are joined by, each once. */
export function keysOf(views: readonly Pick<FrozenView, 'keys'>[]): { column: string; type: EntityKey['type'] }[] {
  const keys = views.flatMap((view) => view.keys.map(({ request: column, type }) => ({ column, type })));
  return [...new Map(keys.map((key) => [keyColumn(key.column, key.type), key])).values()];
}
