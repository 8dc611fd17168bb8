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
  /** When a later commit put its rows in the place of these, microseconds; absent where they stand. */
  readonly replacedTs?: number;
}

/** Columns of a segment file beside the declared ones: null in the first means "known at commit". */
export const KNOWN_COLUMN = '__known_ts';
export const SEQUENCE_COLUMN = '__seq';

/** Columns of the relation beside the declared ones, quoted; no declared name can hold a colon. */
export const ROW = {
  /** When the row could first have been used, microseconds. */
  knownTs: '"row:known_ts"',
  /** When a restatement of the row could first have been used, or it was withdrawn; null for a row that stands. */
  supersededTs: '"row:superseded_ts"',
  /** When a version that does not hold the row took the place of those that do; null for one that the newest holds. */
  withdrawnTs: '"row:withdrawn_ts"',
  commitSeq: '"row:commit_seq"',
  seq: '"row:seq"',
} as const;

/** Facts of the commit of a row, for the steps in between. */
const COMMIT_KNOWN = '"row:commit_known_ts"';
/** Number of the version, among those that replaced each other, and whether the very commit that replaced brought the row. */
const GENERATION = '"row:generation"';
const REPLACES = '"row:replaces"';

/**
 * All rows of the segments with the columns of {@link ROW}. A column that older segments do not have is null there. With
 * keys, a row whose key and event time an earlier commit had already is a restatement: it cannot have been known before
 * its own commit, whatever it declares. (known_ts, commit_seq, seq) orders the restatements of one row totally.
 *
 * Of segments that were replaced, a row that the next version holds again, the same in every column, is one row: known
 * since it was first seen, and numbered as then. Any other row was withdrawn when its version was replaced. Without keys a
 * row is a restatement where an earlier version had others of that event time.
 */
export function datasetRelation(spec: DatasetSpec, segments: readonly SegmentFile[]): string {
  const replaced = segments.some(({ replacedTs }) => replacedTs !== undefined);
  const rows = replaced ? distinctRows(spec, segments) : everyRow(spec, segments);
  const inner = [COMMIT_KNOWN, GENERATION, REPLACES].join(', ');
  const knownLate = `greatest(${ROW.knownTs}, ${COMMIT_KNOWN})`;
  if (spec.keys.length === 0) {
    const seenBefore = `${GENERATION} > min(${GENERATION}) over (partition by ${quoteIdentifier(spec.eventTime)})`;
    const known = replaced ? `case when ${seenBefore} then ${knownLate} else ${ROW.knownTs} end` : ROW.knownTs;
    return `(select * exclude (${inner}) replace (${known} as ${ROW.knownTs}), ${ROW.withdrawnTs} as ${ROW.supersededTs} from ${rows})`;
  }
  const seenBefore = `${ROW.commitSeq} > min(${ROW.commitSeq}) over (${versionPartition(spec)})`;
  const known = `case when ${seenBefore} then ${knownLate} else ${ROW.knownTs} end`;
  const superseded = `least(lead(${ROW.knownTs}) over (${versionWindow(spec)}), ${ROW.withdrawnTs})`;
  return `(select *, ${superseded} as ${ROW.supersededTs} from (
    select * exclude (${inner}) replace (${known} as ${ROW.knownTs}) from ${rows}))`;
}

function versionPartition({ keys, eventTime }: Pick<DatasetSpec, 'keys' | 'eventTime'>): string {
  return `partition by ${[...keys, eventTime].map(quoteIdentifier).join(', ')}`;
}

/** The restatements of a row of {@link datasetRelation} in their order, as a window; for datasets with keys. */
export function versionWindow(spec: Pick<DatasetSpec, 'keys' | 'eventTime'>): string {
  return `${versionPartition(spec)} order by ${ROW.knownTs}, ${ROW.commitSeq}, ${ROW.seq}`;
}

/** True for rows of {@link datasetRelation} that were known at a time (an SQL expression) and not restated by then. */
export function knownAt(time: string): string {
  return `(${ROW.knownTs} <= ${time} and (${ROW.supersededTs} is null or ${ROW.supersededTs} > ${time}))`;
}

function everyRow(spec: DatasetSpec, segments: readonly SegmentFile[]): string {
  const columns = spec.columns.map(({ name, type }) => {
    return `try_cast(${quoteIdentifier(name)} as ${COLUMN_SQL_TYPES[type]}) as ${quoteIdentifier(name)}`;
  });
  const shape = spec.columns.map(({ name, type }) => `null::${COLUMN_SQL_TYPES[type]} as ${quoteIdentifier(name)}`);
  const generations = [...new Set(segments.map(({ replacedTs = null }) => replacedTs))];
  const parts = segments.map(({ path, commitSeq, commitKnownTs, replacedTs = null }, index) => {
    const isFirst = segments[index - 1]?.replacedTs !== (replacedTs ?? undefined);
    return (
      `select ${columns.join(', ')}, coalesce(${KNOWN_COLUMN}, ${commitKnownTs}) as ${ROW.knownTs}, ` +
      `${commitSeq}::bigint as ${ROW.commitSeq}, ${SEQUENCE_COLUMN} as ${ROW.seq}, ` +
      `${commitKnownTs}::bigint as ${COMMIT_KNOWN}, ${replacedTs}::bigint as ${ROW.withdrawnTs}, ` +
      `${generations.indexOf(replacedTs)} as ${GENERATION}, ${isFirst} as ${REPLACES} ` +
      `from (select ${shape.join(', ')} where false union all by name select * from read_parquet(${quoteText(path)}))`
    );
  });
  return `(${parts.join(' union all ')})`;
}

/**
 * Rows that consecutive versions hold alike as one: the first of them, withdrawn when the last of them was. Equal rows of
 * one version are told apart by their number. A row that was brought back after its version had replaced another is new.
 */
function distinctRows(spec: DatasetSpec, segments: readonly SegmentFile[]): string {
  const content = spec.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const [copy, starts, run] = ['"row:copy"', '"row:starts"', '"row:run"'];
  const copies = `(partition by ${content}, ${copy} order by ${GENERATION})`;
  const goesOn = `${REPLACES} and lag(${GENERATION}) over ${copies} = ${GENERATION} - 1`;
  const last = `last_value(${ROW.withdrawnTs}) over (partition by ${content}, ${copy}, ${run} order by ${GENERATION} rows between unbounded preceding and unbounded following)`;
  return `(select * exclude (${copy}, ${starts}, ${run}) replace (${last} as ${ROW.withdrawnTs}) from (
      select *, sum(${starts}) over ${copies} as ${run} from (
        select *, case when ${goesOn} then 0 else 1 end as ${starts} from (
          select *, row_number() over (partition by ${content}, ${GENERATION} order by ${ROW.commitSeq}, ${ROW.seq}) as ${copy}
          from ${everyRow(spec, segments)})))
    qualify ${starts} = 1)`;
}
