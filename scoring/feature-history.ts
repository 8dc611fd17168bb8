/**
 * Feature rows as of a time: what an online read at that time would have found. From the chunks of a view, and from rows
 * that were pushed for history and lie in no chunk yet.
 */
import { rm, writeFile } from 'node:fs/promises';
import type { FrozenView } from '../domain/bundle.js';
import { durationMicros } from '../domain/duration.js';
import { chunksAsOf, type MaterializationChunk, type MaterializationState } from '../domain/materialization.js';
import { type HistoryQuestion, POSITION, rowsAsOf } from '../ml/features/history-sql.js';
import { pushedRowLines, pushedRows } from '../ml/features/pushed-row-sql.js';
import type { ArtifactStore } from '../store/contracts/artifacts.js';
import type { FeatureStore, OnlineRow } from '../store/contracts/features.js';
import type { ResourceStore } from '../store/contracts/resources.js';
import type { SqlValue, TableEngine } from '../store/contracts/tables.js';

export interface HistoryDependencies {
  readonly features: Pick<FeatureStore, 'chunks' | 'state' | 'newestPushed'>;
  readonly resources: Pick<ResourceStore, 'getRevision'>;
  readonly artifacts: Pick<ArtifactStore, 'localPath' | 'scratchPath'>;
  readonly tables: TableEngine;
}

export interface AskedHistory {
  readonly view: FrozenView;
  /** Canonical key texts, see `onlineKey`; each once. */
  readonly keys: readonly string[];
  /** Microseconds. */
  readonly asOf: number;
}

type Question = Omit<HistoryQuestion, 'pushed'> & Pick<AskedHistory, 'view'>;

/**
 * Rows by key; a key that had no row by then is absent. Aborting the signal ends the query with `PRN_TABLE_INTERRUPTED`.
 */
export async function readHistory(
  dependencies: HistoryDependencies,
  { view, keys, asOf }: AskedHistory,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, OnlineRow>> {
  if (keys.length === 0) return new Map();
  const { features, artifacts, tables } = dependencies;
  const standing = await standingChunks(features, view);
  const chunks = standing.filter((chunk) => canHold(chunk, asOf));
  const paths = await Promise.all(chunks.map(({ table }) => artifacts.localPath(table)));
  const parts = keys.map((key) => JSON.parse(key) as (string | number)[]);
  const withdraws = chunks.some((chunk) => chunk.withdraws);
  const question: Question = { view, paths, withdraws, keys: parts, asOf };
  // Read after the chunks, and never deleted: rows that are drained meanwhile are found twice rather than not at all.
  const rows = await withPushedRows(dependencies, { question, after: lastDrained(standing) }, async (pushed) =>
    paths.length === 0 && pushed === null
      ? []
      : tables.use((session) => session.rows(rowsAsOf({ ...question, pushed })), signal),
  );
  return new Map(
    rows.map((row) => {
      const key = keys[Number(row[POSITION])] ?? '';
      return [key, readRow(row, { key, features: view.features })] as const;
    }),
  );
}

/** Number of the last push whose rows are in the chunks; 0 for none. */
function lastDrained(chunks: readonly MaterializationChunk[]): number {
  return chunks.reduce((last, { toPush = 0 }) => Math.max(last, toPush), 0);
}

/**
 * Gives `use` the SQL of the rows that were pushed since, typed and ranked as the drain will write them; null for none.
 * They lie in a file as long as `use` runs.
 */
async function withPushedRows<T>(
  { features, resources, artifacts }: HistoryDependencies,
  { question: { view, keys, asOf }, after }: { question: Question; after: number },
  use: (pushed: string | null) => Promise<T>,
): Promise<T> {
  const declared = await resources.getRevision('FeatureView', view.view, view.revision);
  if (declared?.resource.kind !== 'FeatureView') return use(null);
  const servingDelayMicros = durationMicros(declared.resource.spec.servingDelay);
  const since = { after, viewRevision: view.revision };
  const until = { happenedBy: asOf, receivedBy: asOf - servingDelayMicros };
  const rows = await features.newestPushed(view.view, { keys, ...since, ...until });
  if (rows.length === 0) return use(null);
  const entityKeys = view.keys.map(({ key, type }) => ({ name: key, type }));
  const types = view.features.map((name) => ({ name, type: view.types[name] ?? 'float' }));
  const path = await artifacts.scratchPath('ndjson');
  try {
    await writeFile(path, pushedRowLines(rows, entityKeys));
    return await use(pushedRows({ path, keys: entityKeys, features: types, servingDelayMicros }));
  } finally {
    await rm(path, { force: true });
  }
}

/** Chunks that stand: see {@link standingOf}. */
export async function standingChunks(
  features: Pick<FeatureStore, 'chunks' | 'state'>,
  { view, revision }: Pick<FrozenView, 'view' | 'revision'>,
): Promise<MaterializationChunk[]> {
  const [state, chunks] = await Promise.all([features.state(view), features.chunks(view, revision)]);
  return standingOf(chunks, { revision, state });
}

/**
 * Of a dataset whose rows were replaced, the chunks of the rows that the view last was complete with. `chunks` are all of
 * this revision, `state` that of the view.
 */
export function standingOf(
  chunks: readonly MaterializationChunk[],
  { revision, state }: { readonly revision: number; readonly state: MaterializationState | null },
): MaterializationChunk[] {
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
