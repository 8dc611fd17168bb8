/**
 * `materialize`: chunks of windowed features next to a bare DuckDB aggregate of the same rows, and their publication into
 * MongoDB next to a bare insert of the same documents.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatherPublication } from '../activities/jobs/gather-publication.js';
import { materializeChunk } from '../activities/jobs/materialize-chunk.js';
import { readOnlineRows } from '../activities/online-rows.js';
import { startStack } from '../cli/supervisor/stack.js';
import { DatasetSpec } from '../domain/dataset.js';
import { type EntityKey, FeatureViewSpec } from '../domain/feature-view.js';
import { MICROS_PER_DAY } from '../domain/time.js';
import { quoteText } from '../ml/features/expression/sql.js';
import { openFileArtifacts } from '../store/artifacts/file.js';
import type { FeatureStore, OnlineRow } from '../store/contracts/features.js';
import type { TableEngine } from '../store/contracts/tables.js';
import { type Database, openDatabase } from '../store/mongo/database.js';
import { createFeatureStore } from '../store/mongo/features.js';
import { openTableEngine } from '../store/tables/engine.js';
import type { BenchmarkOptions, BenchmarkReport } from './report.js';

const EVENTS = 3_000_000;
const ENTITIES = 50_000;
const DAYS = 60;
const FIRST = 20_000 * MICROS_PER_DAY;
/** The last cuts, each of which sees a whole longest window. */
const CUTS = 20;
const ONLINE_BATCH = 5_000;

const dataset = DatasetSpec.parse({
  columns: [
    { name: 'key', type: 'string' },
    { name: 'ts', type: 'timestamp' },
    { name: 'x', type: 'float' },
    { name: 'flag', type: 'boolean' },
  ],
  eventTime: 'ts',
  knowledge: { from: 'event', delay: '0s' },
});

const view = FeatureViewSpec.parse({
  dataset: 'events',
  entity: 'entity',
  keys: { key: 'key' },
  cuts: { every: '1d' },
  features: ['1d', '7d', '30d'].flatMap((window) => [
    { name: `events_${window}`, aggregate: 'count', window },
    { name: `sum_${window}`, aggregate: 'sum', expression: 'x', window },
    { name: `rate_${window}`, aggregate: 'rate', expression: 'flag', window },
  ]),
});

const KEYS: readonly EntityKey[] = [{ name: 'key', type: 'string' }];

export async function materialize({ data }: BenchmarkOptions): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const folders = data === null ? [folder] : [folder, data];
  const tables = await openTableEngine({
    dataDirectories: folders,
    spillDirectory: join(folder, 'spill'),
    memoryLimit: '2GB',
  });
  const stack = await startStack({ dataDir: folder, services: [], ports: 'free', webUi: false });
  const database = await openDatabase({ uri: stack.addresses.mongodbUri, database: 'bench' });
  try {
    const events = data === null ? await writeEvents(tables, folder) : join(data, 'events.parquet');
    const { published, ...chunk } = await measureChunk(tables, { folder, events });
    const rows = await tables.use((session) =>
      readOnlineRows(session, {
        path: published,
        fromRow: 0,
        toRow: ENTITIES,
        keys: KEYS,
        features: view.features.map(({ name }) => name),
      }),
    );
    const online = await measureOnline(database, createFeatureStore(database), rows);
    const figures = { ...chunk, ...online };
    return {
      case: 'materialize',
      figures,
      aims: { online_new_rows_per_s: { value: online.online_new_rows_per_s, aim: 10_000, direction: 'atLeast' } },
    };
  } finally {
    await database.close();
    await stack.stop();
    await tables.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeEvents(tables: TableEngine, folder: string): Promise<string> {
  const path = join(folder, 'events.parquet');
  const span = DAYS * MICROS_PER_DAY;
  await tables.use((session) =>
    session.execute(`copy (select 'entity-' || (hash(i) % ${ENTITIES}) as key, ${FIRST} + (i * ${span / EVENTS})::bigint as ts,
      (hash(i * 3) % 10000) / 100.0 as x, hash(i * 5) % 4 = 0 as flag from range(${EVENTS}) t(i)) to ${quoteText(path)} (format parquet)`),
  );
  return path;
}

/** One chunk of the last cuts, and the same aggregates by entity and day without windows, knowledge or proof. */
async function measureChunk(tables: TableEngine, { folder, events }: { folder: string; events: string }) {
  const artifacts = openFileArtifacts(join(folder, 'artifacts'));
  const source = `read_parquet(${quoteText(events)})`;
  const [facts] = await tables.use((session) =>
    session.rows(`select count(*) as rows, max(ts) // ${MICROS_PER_DAY} as last from ${source}`),
  );
  const toCut = (Number(facts?.['last']) + 1) * MICROS_PER_DAY;
  const segment = await artifacts.scratchPath('parquet');
  await tables.use((session) =>
    session.execute(
      `copy (select *, ts as __known_ts, row_number() over () as __seq from ${source}) to ${quoteText(segment)} (format parquet)`,
    ),
  );
  const table = await artifacts.adopt(segment, 'application/vnd.apache.parquet');
  const bare = join(folder, 'bare.parquet');
  const bareMs = await timed(() =>
    tables.use((session) =>
      session.execute(`copy (select key, ts // ${MICROS_PER_DAY} as day, count(*) as events, sum(x) as sum, avg(flag::int) as rate
        from ${source} where ts >= ${toCut - (CUTS + 30) * MICROS_PER_DAY} group by all order by day, key)
        to ${quoteText(bare)} (format parquet, compression zstd)`),
    ),
  );
  const context = { tables, artifacts, progress: () => undefined, signal: new AbortController().signal };
  const version = { versionId: 'bench', commitSeq: 1, sinceSeq: 1 };
  const at = { view: 'bench', viewRevision: 1, dataset: 'events', version, through: toCut };
  const range = { chunkId: 'bench', fromCut: toCut - (CUTS - 1) * MICROS_PER_DAY, toCut };
  const segments = [{ table, commitSeq: 1, commitKnownTs: 0 }];
  let rows = 0;
  let published = '';
  const chunkMs = await timed(async () => {
    const chunk = await materializeChunk({ at, chunk: range, view, entityKeys: KEYS, dataset, segments }, context);
    rows = chunk.rows;
    const { table: newest } = await gatherPublication(
      { tables: [chunk.table], keys: ['key'], withdraws: false },
      context,
    );
    published = await artifacts.localPath(newest);
  });
  return {
    source_rows: Number(facts?.['rows']),
    chunk_rows: rows,
    chunk_seconds: chunkMs / 1_000,
    chunk_rows_per_s: (rows / chunkMs) * 1_000,
    bare_aggregate_seconds: bareMs / 1_000,
    chunk_over_bare: chunkMs / bareMs,
    published,
  };
}

/** Rows that are new, rows that replace earlier ones, and rows that lost already. */
async function measureOnline(database: Database, store: FeatureStore, rows: readonly OnlineRow[]) {
  const documents = rows.map(({ key, ...row }) => ({ _id: key, ...row }));
  const perSecond = (ms: number): number => (rows.length / ms) * 1_000;
  const inBatches = async (write: (batch: typeof documents) => Promise<unknown>): Promise<void> => {
    for (let from = 0; from < documents.length; from += ONLINE_BATCH)
      await write(documents.slice(from, from + ONLINE_BATCH));
  };
  const collection = database.collection('bare');
  const inserted = await timed(() => inBatches((batch) => collection.insertMany([...batch], { ordered: false })));
  const replaced = await timed(() =>
    inBatches((batch) => {
      const updates = batch.map(({ _id, ...row }) => ({
        replaceOne: { filter: { _id }, replacement: { ...row, seq: 2 } },
      }));
      return collection.bulkWrite(updates, { ordered: false });
    }),
  );
  const upsert = (eventTs: number): Promise<number> =>
    timed(async () => {
      const moved = rows.map((row) => ({ ...row, eventTs }));
      for (let from = 0; from < moved.length; from += ONLINE_BATCH)
        await store.upsertOnline('bench', moved.slice(from, from + ONLINE_BATCH));
    });
  const [fresh, later, stale] = [await upsert(2), await upsert(3), await upsert(1)];
  return {
    online_rows: rows.length,
    online_new_rows_per_s: perSecond(fresh),
    online_replaced_rows_per_s: perSecond(later),
    online_stale_rows_per_s: perSecond(stale),
    bare_insert_rows_per_s: perSecond(inserted),
    bare_replace_rows_per_s: perSecond(replaced),
    online_new_over_bare: fresh / inserted,
    online_replaced_over_bare: later / replaced,
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
