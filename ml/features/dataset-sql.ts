/** SQL over the segments of a dataset version: one relation with the declared columns, `known_ts` and a total order. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';

/** A segment file and what its commit fixed. */
export interface SegmentFile {
  readonly path: string;
  readonly commitSeq: number;
  /** When the commit was made known, microseconds. */
  readonly commitKnownTs: number;
}

/** Columns beside the declared ones: `__known_ts` (null means "known at commit") and `__seq` within the segment. */
export const KNOWN_COLUMN = '__known_ts';
export const SEQUENCE_COLUMN = '__seq';

/**
 * `select <columns>, known_ts, commit_seq, row_seq` over all segments. Rows without a declared time are known from the
 * commit on. With keys, a later row of the same key and event time is a restatement: it cannot have been known before
 * its own commit, whatever it declares.
 */
export function datasetRelation(spec: DatasetSpec, segments: readonly SegmentFile[]): string {
  const columns = spec.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const parts = segments.map(
    ({ path, commitSeq, commitKnownTs }) =>
      `select ${columns}, coalesce(${KNOWN_COLUMN}, ${commitKnownTs}) as known_ts, ${commitSeq}::bigint as commit_seq, ` +
      `${SEQUENCE_COLUMN} as row_seq, ${commitKnownTs}::bigint as commit_known_ts from read_parquet(${quoteText(path)})`,
  );
  const all = parts.join(' union all ');
  if (spec.keys.length === 0) return `(select * exclude (commit_known_ts) from (${all}))`;
  const key = [...spec.keys, spec.eventTime].map(quoteIdentifier).join(', ');
  const first = `min(commit_seq) over (partition by ${key})`;
  const known = `case when commit_seq > ${first} then greatest(known_ts, commit_known_ts) else known_ts end`;
  return `(select * exclude (commit_known_ts) replace (${known} as known_ts) from (${all}))`;
}
