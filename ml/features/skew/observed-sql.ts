/** SQL of the observed rows of a skew certificate: rows of the spine at their own times, and what was online then. */
import type { RequestField } from '../../../domain/bundle.js';
import { quoteIdentifier, quoteText } from '../expression/sql.js';
import type { ViewJoin } from '../point-in-time.js';
import { standsAt } from '../withdrawal-sql.js';
import { SKEW_ROW } from './matrix-sql.js';

/** Names of the sample's table and of its time; request fields keep their own names behind a prefix that no column has. */
export const SAMPLE = 'skew_sample';
export const SAMPLE_TIME = '":ts"';

/** The column that carries a request field in the sample. */
export function sampledField(name: string): string {
  return quoteIdentifier(`request:${name}`);
}

/** Where the rows of a view lie, and by which columns they are asked for. */
export type HeldView = Pick<ViewJoin, 'chunks' | 'keys' | 'withdraws'>;

const FIELD_SQL_TYPES = { FP32: 'double', INT64: 'bigint', BYTES: 'varchar' } as const;

/** Request fields as callers send them: before any rounding to the datatype of the tensor. */
export function sampledFieldsSql(fields: readonly RequestField[]): string {
  const columns = fields.map(
    ({ name, datatype }) => `${sampledField(name)}::${FIELD_SQL_TYPES[datatype]} as ${quoteIdentifier(name)}`,
  );
  return `select ${[...columns, `${SAMPLE_TIME}::bigint as ${SAMPLE_TIME}`].join(', ')} from ${SAMPLE} order by ${SKEW_ROW}`;
}

/**
 * For each sampled row what the online store held of a view at that time: of all rows of the key that were known by then
 * the one with the greatest (event_ts, known_ts, seq), whatever its event time, since that is what upserts keep.
 */
export function onlineRowsSql(view: HeldView): string {
  const standing = view.withdraws === true ? [standsAt(`s.${SAMPLE_TIME}`, 'c.')] : [];
  return winningRowsSql(view, SAMPLE, [`c.known_ts <= s.${SAMPLE_TIME}`, ...standing]);
}

/**
 * For each row of a relation the greatest row of its key, by (event_ts, known_ts, seq), among those that meet all
 * conditions on `s` (the relation, numbered by {@link SKEW_ROW}) and `c` (the view's rows); none where no row does.
 */
export function winningRowsSql({ chunks, keys }: HeldView, relation: string, conditions: readonly string[]): string {
  const files = chunks.map(({ path }) => `select * from read_parquet(${quoteText(path)})`).join(' union all by name ');
  const on = keys.map(({ key, column }) => `s.${quoteIdentifier(column)} = c.${quoteIdentifier(key)}`);
  const rank = 'c.event_ts desc, c.known_ts desc, c.seq desc';
  return `select s.${SKEW_ROW} as ${SKEW_ROW}, c.* from ${relation} s join (${files}) c on ${[...on, ...conditions].join(' and ')}
    qualify row_number() over (partition by s.${SKEW_ROW} order by ${rank}) = 1`;
}
