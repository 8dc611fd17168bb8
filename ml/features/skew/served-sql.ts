/** SQL that recomputes served feature vectors: the winning row at the moment asked about, and the very row that was served. */
import type { EntityKey } from '../../../domain/feature-view.js';
import type { RowRank } from '../../../domain/served-vector.js';
import { quoteIdentifier, quoteText } from '../expression/sql.js';
import { standsAt } from '../withdrawal-sql.js';
import { SKEW_ROW } from './matrix-sql.js';
import { type HeldView, winningRowsSql } from './observed-sql.js';

/** One served read of a view. */
export interface AskedRow {
  readonly keys: readonly (string | number)[];
  readonly eventTs: number;
  readonly row: RowRank | null;
}

const [ASKED_TS, EVENT, KNOWN, SEQ] = ['":asked_ts"', '":event_ts"', '":known_ts"', '":seq"'];

/** As of each moment: the newest row that had happened and was known by then. */
export function historicalRowsSql(view: HeldView, asked: string): string {
  const standing = view.withdraws === true ? [standsAt(`s.${ASKED_TS}`, 'c.')] : [];
  return winningRowsSql(view, asked, [`c.event_ts <= s.${ASKED_TS}`, `c.known_ts <= s.${ASKED_TS}`, ...standing]);
}

/** The rows that were served, as history has them. */
export function servedRowsSql(view: HeldView, asked: string): string {
  return winningRowsSql(view, asked, [`c.event_ts = s.${EVENT}`, `c.known_ts = s.${KNOWN}`, `c.seq = s.${SEQ}`]);
}

/** Served reads as a relation, numbered by {@link SKEW_ROW}; keys are called as in the view. */
export function askedRelation(rows: readonly AskedRow[], keys: readonly EntityKey[]): string {
  const numbers = (values: readonly (number | null)[]): string =>
    `unnest([${values.map((value) => (value === null ? 'null' : String(value))).join(', ')}]::bigint[])`;
  const texts = (values: readonly string[]): string => `unnest([${values.map(quoteText).join(', ')}]::varchar[])`;
  const columns = keys.map(({ name, type }, index) => {
    const values = rows.map((row) => row.keys[index] ?? null);
    const list =
      type === 'integer'
        ? numbers(values.map((value) => (value === null ? null : Number(value))))
        : texts(values.map(String));
    return `${list} as ${quoteIdentifier(name)}`;
  });
  const ranks = [
    `${numbers(rows.map(({ row }) => row?.eventTs ?? null))} as ${EVENT}`,
    `${numbers(rows.map(({ row }) => row?.knownTs ?? null))} as ${KNOWN}`,
    `${numbers(rows.map(({ row }) => row?.seq ?? null))} as ${SEQ}`,
  ];
  const asked = `${numbers(rows.map(({ eventTs }) => eventTs))} as ${ASKED_TS}`;
  return `(select ${[...columns, asked, ...ranks, `unnest(range(${rows.length})) as ${SKEW_ROW}`].join(', ')})`;
}
