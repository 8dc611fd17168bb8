/** Feature rows as of a time, from the chunks of a view: what an online read at that time would have found. */
import type { FrozenView } from '../domain/bundle.js';
import { chunksAsOf, type MaterializationChunk } from '../domain/materialization.js';
import { POSITION, rowsAsOf } from '../ml/features/history-sql.js';
import type { ArtifactStore } from '../store/contracts/artifacts.js';
import type { FeatureStore, OnlineRow } from '../store/contracts/features.js';
import type { SqlValue, TableEngine } from '../store/contracts/tables.js';

export interface HistoryDependencies {
  readonly features: Pick<FeatureStore, 'chunks' | 'state'>;
  readonly artifacts: Pick<ArtifactStore, 'localPath'>;
  readonly tables: TableEngine;
}

export interface AskedHistory {
  readonly view: FrozenView;
  /** Canonical key texts, see `onlineKey`; each once. */
  readonly keys: readonly string[];
  /** Microseconds. */
  readonly asOf: number;
}

/**
 * Rows by key; a key that had no row by then is absent. Aborting the signal ends the query with `PRN_TABLE_INTERRUPTED`.
 */
export async function readHistory(
  { features, artifacts, tables }: HistoryDependencies,
  { view, keys, asOf }: AskedHistory,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, OnlineRow>> {
  const chunks = (await standingChunks(features, view)).filter((chunk) => canHold(chunk, asOf));
  if (chunks.length === 0 || keys.length === 0) return new Map();
  const paths = await Promise.all(chunks.map(({ table }) => artifacts.localPath(table)));
  const parts = keys.map((key) => JSON.parse(key) as (string | number)[]);
  const sql = rowsAsOf({ view, paths, keys: parts, asOf });
  const rows = await tables.use((session) => session.rows(sql), signal);
  return new Map(
    rows.map((row) => {
      const key = keys[Number(row[POSITION])] ?? '';
      return [key, readRow(row, { key, features: view.features })] as const;
    }),
  );
}

/** Of a dataset whose rows were replaced, the chunks of the rows that the view last was complete with. */
export async function standingChunks(
  features: Pick<FeatureStore, 'chunks' | 'state'>,
  { view, revision }: Pick<FrozenView, 'view' | 'revision'>,
): Promise<MaterializationChunk[]> {
  const [state, chunks] = await Promise.all([features.state(view), features.chunks(view, revision)]);
  const newest = chunks.reduce((last, { sinceSeq }) => Math.max(last, sinceSeq), 0);
  const sinceSeq = state?.viewRevision === revision ? state.sinceSeq : newest;
  return chunksAsOf(chunks, { throughSeq: Number.MAX_SAFE_INTEGER, sinceSeq });
}

/** Rows of a chunk happened from its first cut on. Even one too old to count is wanted: it tells old from unknown. */
function canHold({ fromCut, rows }: MaterializationChunk, asOf: number): boolean {
  return rows > 0 && fromCut <= asOf;
}

function readRow(
  row: Readonly<Record<string, SqlValue>>,
  { key, features }: { key: string; features: readonly string[] },
): OnlineRow {
  return {
    key,
    values: Object.fromEntries(features.map((feature) => [feature, row[feature] ?? null])),
    eventTs: Number(row['event_ts']),
    knownTs: Number(row['known_ts']),
    seq: Number(row['seq']),
    deleted: row['deleted'] === true,
  };
}
