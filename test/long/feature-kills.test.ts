import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentOf } from '../support/document.js';
import { queryHistory, readCollection } from '../support/feature-history.js';
import { openSmallWorld, type SmallWorld } from '../support/small-world.js';
import { killNow } from '../support/stack.js';

/** `PERENNIAL_TEST_KILLS` makes it shorter or longer. */
const KILLS = Number(process.env['PERENNIAL_TEST_KILLS'] ?? 100);
/** A worker lives for so long, counted from when it is healthy. */
const LIFE_MS = { least: 50, longest: 4_000 };
/**
 * Of a round, which then ends undisturbed: a machine so slow that workers live for less than a step takes gets on too, and
 * no step loses as many workers as make it give up.
 */
const KILLS_OF_ROUND = 4;
const FILES = Math.max(4, Math.ceil(KILLS / 4));
const ROWS_PER_FILE = 20_000;
const THINGS = 1_000;
const FIRST = Date.parse('2020-01-01T00:00:00Z') * 1_000;
const HOUR = 3_600_000_000;
const PATIENCE = { timeoutMs: 600_000, everyMs: 100 };

const COLUMNS = {
  columns: [
    { name: 'thing', type: 'string' },
    { name: 'at', type: 'timestamp' },
    { name: 'amount', type: 'float' },
  ],
  eventTime: 'at',
};
const VIEW = { dataset: 'events', entity: 'thing', keys: { thing: 'thing' } };
const AMOUNT = { features: [{ name: 'amount', expression: 'amount' }] };
const WINDOWS = {
  cuts: { every: '1d' },
  features: [
    { name: 'sum_1d', aggregate: 'sum', expression: 'amount', window: '1d' },
    { name: 'max_7d', aggregate: 'max', expression: 'amount', window: '7d' },
  ],
};
const ON_COMMIT = { materialize: { on: 'commit' } };
/** Each view beside one that is materialised once, when nobody kills any more. The dataset of pushed views stays empty. */
const RESOURCES = [
  documentOf('Dataset', 'events', { ...COLUMNS, knowledge: { from: 'event', delay: '1h' } }),
  documentOf('Dataset', 'nothing', COLUMNS),
  documentOf('Entity', 'thing', { keys: [{ name: 'thing', type: 'string' }] }),
  documentOf('FeatureView', 'rows', { ...VIEW, ...AMOUNT, ...ON_COMMIT }),
  documentOf('FeatureView', 'rows-once', { ...VIEW, ...AMOUNT }),
  documentOf('FeatureView', 'windows', { ...VIEW, ...WINDOWS, ...ON_COMMIT }),
  documentOf('FeatureView', 'windows-once', { ...VIEW, ...WINDOWS }),
  documentOf('FeatureView', 'pushed', { ...VIEW, ...AMOUNT, dataset: 'nothing' }),
  documentOf('FeatureView', 'pushed-once', { ...VIEW, ...AMOUNT, dataset: 'nothing' }),
];

describe(`a worker killed at ${KILLS} random moments of ingestion, materialisation and draining`, () => {
  let world: SmallWorld;
  let kills = 0;
  let killsOfRound = 0;
  let done = false;

  beforeAll(async () => {
    world = await openSmallWorld();
    await world.api.put('/v1/resources', RESOURCES);
  });

  afterAll(async () => {
    done = true;
    await world.close();
  });

  it('ends as an undisturbed run would: no row lost, none twice, the same values everywhere', async () => {
    const files = await writeFiles(join(world.stack.dataDir, 'landing'));
    const startedAt = performance.now();
    const killing = killWorkers();
    let rounds = 0;
    for (; rounds < files.length || kills < KILLS; rounds += 1) {
      killsOfRound = 0;
      // When all files are in, they come again: nothing of them may count twice.
      const source = files[rounds % files.length] ?? '';
      const state = rounds < files.length ? 'committed' : 'unchanged';
      await Promise.all([ingest(`file-${rounds}`, source, state), pushAndDrain(rounds)]);
    }
    done = true;
    await killing;
    const seconds = (performance.now() - startedAt) / 1_000;
    console.log(`${kills} kills, ${rounds} rounds, ${(seconds / kills).toFixed(1)} s a kill`);
    for (const view of ['rows', 'windows', 'pushed'])
      for (const name of [view, `${view}-once`]) await materialize(name, 'last');

    const versions = await readCollection(world, 'dataset_versions');
    const last = versions.reduce((rows, version) => Math.max(rows, Number(version['rows'])), 0);
    expect([versions.length, last]).toEqual([files.length, files.length * ROWS_PER_FILE]);
    for (const view of ['rows', 'windows', 'pushed']) {
      // The same rows are pushed to both views, one after the other: their known times differ.
      const isPushed = view === 'pushed';
      const once = await online(`${view}-once`, isPushed);
      expect(once.length).toBe(isPushed ? Math.min(THINGS / 2, rounds * 10) : THINGS);
      expect(await online(view, isPushed)).toEqual(once);
      expect(await winners(view, isPushed)).toEqual(await winners(`${view}-once`, isPushed));
    }
    const [counted] = await queryHistory(world, 'pushed', 'select count(*)::int as rows from history');
    expect(counted).toEqual({ rows: rounds * 20 });
  });

  async function killWorkers(): Promise<void> {
    while (kills < KILLS && !done) {
      const worker = world.stack.processes().find(({ name }) => name === 'worker');
      if (worker?.pid == null || worker.status !== 'healthy' || killsOfRound >= KILLS_OF_ROUND) {
        await pause(20);
        continue;
      }
      await pause(LIFE_MS.least + Math.random() * (LIFE_MS.longest - LIFE_MS.least));
      killNow(worker.pid);
      kills += 1;
      killsOfRound += 1;
      while (isAlive(worker.pid) && !done) await pause(20);
    }
  }

  function isAlive(pid: number | null): boolean {
    return world.stack.processes().some((process) => process.name === 'worker' && process.pid === pid);
  }

  async function ingest(ingestionId: string, source: string, expected: string): Promise<void> {
    await world.api.post('/v1/datasets/events/ingestions', { source, ingestionId });
    const stateOf = (body: unknown): string => (body as { state: string }).state;
    const running = (body: unknown) => (stateOf(body) === 'running' ? undefined : stateOf(body));
    expect(await world.api.poll(`/v1/ingestions/${ingestionId}`, running, PATIENCE)).toBe(expected);
  }

  /** Two pushes, one of which is for history only, and a drain of what has come so far. */
  async function pushAndDrain(round: number): Promise<void> {
    const rows = Array.from({ length: 10 }, (_unused, index) => ({
      keys: { thing: `thing-${(round * 20 + index) % THINGS}` },
      eventTs: FIRST + round * HOUR + index,
      values: { amount: round + index / 8 },
    }));
    const others = rows.map((row, index) => ({
      ...row,
      keys: { thing: `thing-${(round * 20 + 10 + index) % THINGS}` },
    }));
    for (const view of ['pushed', 'pushed-once']) {
      await world.push(view, { to: 'both', rows });
      await world.push(view, { to: 'offline', rows: others });
    }
    await materialize('pushed', `round-${round}`);
  }

  async function materialize(view: string, materializationId: string): Promise<void> {
    await world.api.post(`/v1/feature-views/${view}/materializations`, { materializationId });
    await world.api.poll(
      `/v1/feature-views/${view}/materializations/${materializationId}`,
      (body) => {
        const { state, problem } = body as { state: string; problem: string | null };
        if (state === 'failed') throw new Error(`${view}: ${problem ?? ''}`);
        return state === 'completed' ? true : undefined;
      },
      PATIENCE,
    );
  }

  async function online(view: string, isPushed: boolean): Promise<unknown[]> {
    const found = await readCollection(world, `online_${view}`);
    return found.map(({ _id, values, eventTs, knownTs }) => [
      _id,
      values,
      String(eventTs),
      !isPushed && String(knownTs),
    ]);
  }

  /** Number and digest of the rows that win for each entity and event; which commit computed a cut is left out. */
  function winners(view: string, isPushed: boolean): Promise<unknown[]> {
    return queryHistory(
      world,
      view,
      `select count(*)::int as rows, coalesce(sum(hash(w)::hugeint), 0)::varchar as checksum from (
        select columns(* exclude (seq${isPushed ? ', known_ts' : ''})) from history
        qualify row_number() over (partition by thing, event_ts order by known_ts desc, seq desc) = 1) w`,
    );
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
    await connection.run(`copy (select 'thing-' || (i % ${THINGS}) as thing, make_timestamp(${from} + (i * ${(24 * HOUR) / ROWS_PER_FILE})::bigint) as at,
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
