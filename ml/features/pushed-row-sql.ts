/** Feature rows that were pushed: the file they are written to, one JSON object a row, and the SQL that reads it. */
import type { EntityKey, FeatureType } from '../../domain/feature-view.js';
import { type PlacedRow, ROWS_PER_PUSH } from '../../domain/row-push.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';
import { FEATURE_SQL_TYPES, FIRST_PUSHED_ROW } from './feature-row-sql.js';

export interface PushedRowsInput {
  /** A file of {@link pushedRowLines}. */
  readonly path: string;
  readonly keys: readonly EntityKey[];
  readonly features: readonly { readonly name: string; readonly type: FeatureType }[];
  readonly servingDelayMicros: number;
}

/**
 * Rows of {@link PushedRowsInput.path} as feature rows: known since they were received, ranked behind all computed rows
 * of the same times. A feature that the row does not have, or has in another type than the view now, is null.
 */
export function pushedRows({ path, keys, features, servingDelayMicros }: PushedRowsInput): string {
  const shape = (names: readonly { name: string; type: FeatureType }[]): string =>
    `struct(${names.map(({ name }) => `${quoteIdentifier(name)} json`).join(', ')})`;
  const fields = {
    push: 'bigint',
    row: 'bigint',
    received: 'bigint',
    event: 'bigint',
    deleted: 'boolean',
    ...(keys.length > 0 && { keys: shape(keys) }),
    values: shape(features),
  };
  const columns = Object.entries(fields).map(([name, type]) => `${quoteIdentifier(name)}: ${quoteText(type)}`);
  const typed = (part: 'keys' | 'values', { name, type }: { name: string; type: FeatureType }): string =>
    `try_cast(${quoteIdentifier(part)}.${quoteIdentifier(name)} ->> '$' as ${FEATURE_SQL_TYPES[type]}) as ${quoteIdentifier(name)}`;
  const selected = [
    ...keys.map((key) => typed('keys', key)),
    'event as event_ts',
    `received + ${servingDelayMicros} as known_ts`,
    `${FIRST_PUSHED_ROW} + "push" * ${ROWS_PER_PUSH} + "row" as seq`,
    'deleted',
    ...features.map((feature) => typed('values', feature)),
  ];
  return `select ${selected.join(', ')} from read_json(${quoteText(path)}, format = 'newline_delimited',
    columns = {${columns.join(', ')}}) order by event_ts, seq`;
}

/** The rows as {@link pushedRows} reads them. `keys` in the order of the rows' own. */
export function pushedRowLines(rows: readonly PlacedRow[], keys: readonly EntityKey[]): string {
  const lines = rows.map(({ push, index, receivedTs, row }) =>
    JSON.stringify({
      push,
      row: index,
      received: receivedTs,
      event: row.eventTs,
      deleted: row.deleted,
      keys: Object.fromEntries(keys.map(({ name }, part) => [name, row.keys[part]])),
      values: row.values,
    }),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** The rank of a pushed row among rows of the same times. */
export function pushedRowSeq(push: number, row: number): number {
  return FIRST_PUSHED_ROW + push * ROWS_PER_PUSH + row;
}
