/** SQL over the segments of a dataset version: one relation with the declared columns and what is known about each row. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { COLUMN_SQL_TYPES } from './column-sql.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';

/** A segment file and what its commit fixed. */
export interface SegmentFile {
  readonly path: string;
  readonly commitSeq: number;
  /** When the commit was made known, microseconds. */
  readonly commitKnownTs: number;
}

/** Columns of a segment file beside the declared ones: null in the first means "known at commit". */
export const KNOWN_COLUMN = '__known_ts';
export const SEQUENCE_COLUMN = '__seq';

/** Columns of the relation beside the declared ones, quoted; no declared name can hold a colon. */
export const ROW = {
  /** When the row could first have been used, microseconds. */
  knownTs: '"row:known_ts"',
  /** When a restatement of the row could first have been used; null for the last one and without keys. */
  supersededTs: '"row:superseded_ts"',
  commitSeq: '"row:commit_seq"',
  seq: '"row:seq"',
} as const;

/**
 * All rows of the segments with the columns of {@link ROW}. A column that older segments do not have is null there. With
 * keys, a row whose key and event time an earlier commit had already is a restatement: it cannot have been known before
 * its own commit, whatever it declares. (known_ts, commit_seq, seq) orders the restatements of one row totally.
 */
export function datasetRelation(spec: DatasetSpec, segments: readonly SegmentFile[]): string {
  const columns = spec.columns.map(({ name, type }) => {
    return `try_cast(${quoteIdentifier(name)} as ${COLUMN_SQL_TYPES[type]}) as ${quoteIdentifier(name)}`;
  });
  const shape = spec.columns.map(({ name, type }) => `null::${COLUMN_SQL_TYPES[type]} as ${quoteIdentifier(name)}`);
  const parts = segments.map(
    ({ path, commitSeq, commitKnownTs }) =>
      `select ${columns.join(', ')}, coalesce(${KNOWN_COLUMN}, ${commitKnownTs}) as ${ROW.knownTs}, ` +
      `${commitSeq}::bigint as ${ROW.commitSeq}, ${SEQUENCE_COLUMN} as ${ROW.seq}, ` +
      `${commitKnownTs}::bigint as "row:commit_known_ts" ` +
      `from (select ${shape.join(', ')} where false union all by name select * from read_parquet(${quoteText(path)}))`,
  );
  const all = `(${parts.join(' union all ')})`;
  if (spec.keys.length === 0)
    return `(select * exclude ("row:commit_known_ts"), null::bigint as ${ROW.supersededTs} from ${all})`;
  const version = [...spec.keys, spec.eventTime].map(quoteIdentifier).join(', ');
  const known =
    `case when ${ROW.commitSeq} > min(${ROW.commitSeq}) over (partition by ${version}) ` +
    `then greatest(${ROW.knownTs}, "row:commit_known_ts") else ${ROW.knownTs} end`;
  const superseded = `lead(${ROW.knownTs}) over (partition by ${version} order by ${ROW.knownTs}, ${ROW.commitSeq}, ${ROW.seq})`;
  return `(select *, ${superseded} as ${ROW.supersededTs} from (
    select * exclude ("row:commit_known_ts") replace (${known} as ${ROW.knownTs}) from ${all}))`;
}

/** True for rows of {@link datasetRelation} that were known at a time (an SQL expression) and not restated by then. */
export function knownAt({ keys }: Pick<DatasetSpec, 'keys'>, time: string): string {
  const known = `${ROW.knownTs} <= ${time}`;
  return keys.length === 0 ? known : `(${known} and (${ROW.supersededTs} is null or ${ROW.supersededTs} > ${time}))`;
}
