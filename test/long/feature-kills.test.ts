import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSmallWorld, type SmallWorld } from '../support/small-world.js';
import { killNow } from '../support/stack.js';

/** `PERENNIAL_TEST_KILLS` makes it shorter or longer. */
const KILLS = Number(process.env['PERENNIAL_TEST_KILLS'] ?? 100);
const FILES = Math.max(4, Math.ceil(KILLS / 4));
const ROWS_PER_FILE = 20_000;
const FIRST = Date.parse('2020-01-01T00:00:00Z') * 1_000;
const HOUR = 3_600_000_000;

const VIEW = {
  dataset: 'events',
  entity: 'thing',
  keys: { thing: 'thing' },
};
const ROWS = { ...VIEW, features: [{ name: 'amount', expression: 'amount' }] };
const WINDOWS = {
  ...VIEW,
  cuts: { every: '1d' },
  features: [
    { name: 'sum_1d', aggregate: 'sum', expression: 'amount', window: '1d' },
    { name: 'max_7d', aggregate: 'max', expression: 'amount', window: '7d' },
  ],
};

describe(`a worker killed at ${KILLS} random moments of ingestion and materialisation`, () => {
  let world: SmallWorld;

  beforeAll(async () => {
    world = await openSmallWorld();
    const document = (kind: string, name: string, spec: object) => ({
      apiVersion: 'perennial/v1',
      kind,
      metadata: { name },
      spec,
    });
    const columns = [
      { name: 'thing', type: 'string' },
      { name: 'at', type: 'timestamp' },
      { name: 'amount', type: 'float' },
    ];
    await world.api.put('/v1/resources', [
      document('Dataset', 'events', { columns, eventTime: 'at', knowledge: { from: 'event', delay: '1h' } }),
      document('Entity', 'thing', { keys: [{ name: 'thing', type: 'string' }] }),
      document('FeatureView', 'rows', { ...ROWS, materialize: { on: 'commit' } }),
      document('FeatureView', 'windows', { ...WINDOWS, materialize: { on: 'commit' } }),
      document('FeatureView', 'rows-once', ROWS),
      document('FeatureView', 'windows-once', WINDOWS),
    ]);
  });

  afterAll(async () => {
    await world.close();
  });

  it('ends as an undisturbed run would: no row lost, none twice, the same values everywhere', async () => {
    const files = await writeFiles(join(world.stack.dataDir, 'landing'));
    let kills = 0;
    let done = false;
    const killing = (async () => {
      while (kills < KILLS && !done) {
        await pause(50 + Math.random() * 2_500);
        const worker = world.stack.processes().find(({ name }) => name === 'worker');
        if (worker?.pid == null || worker.status !== 'healthy') continue;
        killNow(worker.pid);
        kills += 1;
      }
    })();
    for (let index = 0; index < files.length || kills < KILLS; index += 1) {
      const ingestionId = `file-${index}`;
      // When all files are in, they come again: nothing of them may count twice.
      const source = files[index % files.length] ?? '';
      await world.api.post('/v1/datasets/events/ingestions', { source, ingestionId });
      const state = await world.api.poll(
        `/v1/ingestions/${ingestionId}`,
        (body) => {
          const { state: now } = body as { state: string };
          return now === 'running' ? undefined : now;
        },
        { timeoutMs: 600_000, everyMs: 100 },
      );
      expect(state).toBe(index < files.length ? 'committed' : 'unchanged');
    }
    done = true;
    await killing;
    for (const view of ['rows', 'windows', 'rows-once', 'windows-once']) await materialize(view);

    const client = await MongoClient.connect(world.stack.addresses.mongodbUri);
    try {
      const db = client.db(world.stack.addresses.database);
      const [version] = await db.collection('dataset_versions').find().sort({ commitSeq: -1 }).limit(1).toArray();
      expect([version?.['rows'], version?.['commitSeq']]).toEqual([files.length * ROWS_PER_FILE, files.length]);
      for (const view of ['rows', 'windows']) {
        const online = async (name: string): Promise<unknown[]> => {
          const found = await db.collection(`online_${name}`).find().sort({ _id: 1 }).toArray();
          return found.map(({ _id, values, eventTs, knownTs }) => [_id, values, String(eventTs), String(knownTs)]);
        };
        const once = await online(`${view}-once`);
        expect(once.length).toBe(1_000);
        expect(await online(view)).toEqual(once);
        expect(await winners(db, view)).toBe(await winners(db, `${view}-once`));
      }
    } finally {
      await client.close();
    }
    console.log(`${kills} kills, ${files.length} files`);
  });

  async function materialize(view: string): Promise<void> {
    await world.api.post(`/v1/feature-views/${view}/materializations`, { materializationId: 'last' });
    await world.api.poll(
      `/v1/feature-views/${view}/materializations/last`,
      (body) => {
        const { state, problem } = body as { state: string; problem: string | null };
        if (state === 'failed') throw new Error(`${view}: ${problem ?? ''}`);
        return state === 'completed' ? true : undefined;
      },
      { timeoutMs: 600_000, everyMs: 200 },
    );
  }

  /** A digest of the row that wins for each entity and event; which commit computed a cut is left out. */
  async function winners(db: ReturnType<MongoClient['db']>, view: string): Promise<string> {
    const chunks = await db.collection('materializations').find({ view }).toArray();
    const paths = chunks.map(({ table }) => {
      const { sha256 } = table as { sha256: string };
      return `'${join(world.stack.dataDir, 'artifacts', 'sha256', sha256.slice(0, 2), sha256)}'`;
    });
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      const reader = await connection.runAndReadAll(
        `select count(*)::int as rows, coalesce(sum(hash(w)::hugeint), 0)::varchar as checksum from (
          select columns(* exclude (seq)) from read_parquet([${paths.join(', ')}], union_by_name = true)
          qualify row_number() over (partition by thing, event_ts order by known_ts desc, seq desc) = 1) w`,
      );
      return JSON.stringify(reader.getRowObjectsJS());
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }
});

/** Files of rows that come in any order of time: late ones touch cuts that were computed already. */
async function writeFiles(folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const files: string[] = [];
  for (let file = 0; file < FILES; file += 1) {
    const path = join(folder, `events-${file}.parquet`);
    const from = FIRST + ((file * 7) % FILES) * 24 * HOUR;
    await connection.run(`copy (select 'thing-' || (i % 1000) as thing, make_timestamp(${from} + (i * ${(24 * HOUR) / ROWS_PER_FILE})::bigint) as at,
      (hash(i + ${file}) % 1000)::double as amount from range(${ROWS_PER_FILE}) t(i)) to '${path}' (format parquet)`);
    files.push(path);
  }
  connection.closeSync();
  instance.closeSync();
  return files;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
