import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { type Database, openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { type CutProxy, openCutProxy } from './cut-proxy.js';
import { column, ORDER_FACTS, openOnlineWorld, type OnlineWorld, TRAFFIC } from './online-world.js';
import { DEPARTED, get, until } from './serving-fixture.js';

let world: OnlineWorld;
let proxy: CutProxy;
let database: Database;

/** Serving reaches MongoDB through a connection that can be cut, the test itself directly. */
beforeAll(async () => {
  world = await openOnlineWorld();
  const { hostname, port } = new URL(world.test.uri.replace('mongodb://', 'http://'));
  proxy = await openCutProxy({ host: hostname, port: Number(port) });
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`;
  database = await openDatabase({ uri, database: world.test.name });
});

afterEach(async () => {
  proxy.mend();
  await world.forget();
});

afterAll(async () => {
  await world.close();
  await database.close();
  await proxy.close();
});

const stores = () =>
  createStores(database, {
    artifacts: openFileArtifacts(join(world.folder, 'artifacts')),
    now: () => Date.now() * 1_000,
    sha256Hex,
  });
let writes = 0;
const publish = (rates: Readonly<Record<string, number>>) =>
  world.upsert(
    TRAFFIC,
    Object.entries(rates).map(([key, rate]) => ({
      key: [key],
      values: { late_rate: rate },
      eventTs: DEPARTED,
      knownTs: DEPARTED,
      seq: (writes += 1),
    })),
  );
const ask = (origin: string[], options: object = {}) =>
  world.ask({ features: ['origin-traffic:late_rate'], entities: { origin }, ...options });
const metric = async (name: string): Promise<string[]> => {
  const text = await (await fetch(`${world.serving.url}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(name));
};

describe('without a cache', () => {
  it('every request reads, and says at once when MongoDB is away', async () => {
    await world.restart({ stores: stores() });
    await publish({ ORD: 0.25 });
    expect(column(await ask(['ORD']), 'late_rate')).toEqual([[0.25, 'PRESENT']]);
    await publish({ ORD: 0.5 });
    expect(column(await ask(['ORD']), 'late_rate')).toEqual([[0.5, 'PRESENT']]);
    proxy.cut();
    const away = await until(
      () => ask(['ORD']),
      ({ status }) => status === 503,
    );
    expect(away.body.code).toBe('PRN_UNAVAILABLE');
    proxy.mend();
    const back = await until(
      () => ask(['ORD']),
      ({ status }) => status === 200,
    );
    expect(column(back, 'late_rate')).toEqual([[0.5, 'PRESENT']]);
  });
});

describe('requests at once', () => {
  it('share reads, and each gets what it asked for', async () => {
    await world.restart();
    const times = { eventTs: DEPARTED, knownTs: DEPARTED };
    const rows = Array.from({ length: 100 }, (_unused, id) => {
      const values = { amount: id, city: `city ${id}` };
      return { key: [id], values, seq: id, ...times };
    });
    await world.upsert(ORDER_FACTS, rows);
    const features = ['order-facts:amount', 'order-facts:city', 'order-facts:items'];
    const read = (id: number) => world.ask({ features: [features[id % 3]], entities: { order_id: [id, id + 1_000] } });
    for (const id of [0, 1, 2]) await read(id);
    const { db } = world.test;
    await db.command({ profile: 2 });
    const answers = await Promise.all(rows.map((_row, id) => read(id)));
    await db.command({ profile: 0 });
    const unknown = [null, 'NOT_FOUND'];
    for (const [id, answer] of answers.entries()) {
      if (id % 3 === 0) expect(column(answer, 'amount')).toEqual([[id, 'PRESENT'], unknown]);
      else if (id % 3 === 1) expect(column(answer, 'city')).toEqual([[`city ${id}`, 'PRESENT'], unknown]);
      else expect(column(answer, 'items')).toEqual([[null, 'NULL_VALUE'], unknown]);
    }
    const reads = await db.collection('system.profile').countDocuments({ ns: `${world.test.name}.online_order-facts` });
    expect(reads).toBeGreaterThan(0);
    // How many meet depends on the machine; see the test of shared reads.
    expect(reads).toBeLessThanOrEqual(100);
  });
});

describe('with a cache', () => {
  it('rows and the lack of them are answered again for as long as allowed, or as the caller allows', async () => {
    await world.restart({ stores: stores(), featureCache: { maxStaleMs: 1_500, maxEntries: 100 } });
    await publish({ ORD: 0.25 });
    const first = await ask(['ORD', 'NEW']);
    const readMs = performance.now();
    expect(first.body.staleMs).toBe(0);
    await publish({ ORD: 0.5, NEW: 0.75 });
    const cached = await ask(['ORD', 'NEW']);
    expect(column(cached, 'late_rate')).toEqual([
      [0.25, 'PRESENT'],
      [null, 'NOT_FOUND'],
    ]);
    expect(cached.body.staleMs).toBeGreaterThan(0);
    const fresh = [
      [0.5, 'PRESENT'],
      [0.75, 'PRESENT'],
    ];
    const later = await until(
      () => ask(['ORD', 'NEW']),
      (answer) => column(answer, 'late_rate').join() === fresh.join(),
    );
    expect(later.body.staleMs).toBe(0);
    expect(performance.now() - readMs).toBeGreaterThan(1_400);
    await publish({ ORD: 0.1 });
    expect(column(await ask(['ORD'], { maxStaleMs: 0 }), 'late_rate')).toEqual([[0.1, 'PRESENT']]);
    expect(await metric('perennial_feature_cache_reads_total')).toEqual([
      expect.stringMatching(/result="hit"} [1-9]/),
      expect.stringMatching(/result="miss"} [1-9]/),
    ]);
  });

  it('the entry asked for least recently makes room', async () => {
    await world.restart({ stores: stores(), featureCache: { maxStaleMs: 60_000, maxEntries: 2 } });
    await publish({ A: 1, B: 2, C: 3 });
    for (const key of ['A', 'B', 'A', 'C']) await ask([key]);
    await publish({ A: 10, B: 20, C: 30 });
    // B was dropped for C; A had been asked for again.
    const values = async (key: string) => column(await ask([key]), 'late_rate')[0];
    expect([await values('A'), await values('C'), await values('B')]).toEqual([
      [1, 'PRESENT'],
      [3, 'PRESENT'],
      [20, 'PRESENT'],
    ]);
  });

  it('what is fresh enough is answered while MongoDB is away, and nothing else', async () => {
    await world.restart({ stores: stores(), featureCache: { maxStaleMs: 60_000, maxEntries: 100 } });
    await publish({ ORD: 0.25 });
    await ask(['ORD', 'XXX']);
    proxy.cut();
    await until(
      () => get(`${world.serving.url}/healthz`),
      ({ body }) => (body as { degraded: boolean }).degraded,
    );
    expect(column(await ask(['ORD', 'XXX']), 'late_rate')).toEqual([
      [0.25, 'PRESENT'],
      [null, 'NOT_FOUND'],
    ]);
    expect((await ask(['ORD', 'SEA'])).status).toBe(503);
    expect((await ask(['ORD'], { maxStaleMs: 0 })).status).toBe(503);
    expect((await ask(['ORD'], { asOf: DEPARTED })).status).toBe(503);
    proxy.mend();
    await until(
      () => ask(['ORD', 'SEA']),
      ({ status }) => status === 200,
    );
  });
});

describe('metrics', () => {
  it('tell statuses and ages by view', async () => {
    await world.restart();
    await publish({ ORD: 0.25, SEA: 0.5 });
    world.time.now = DEPARTED + 30_000_000;
    await ask(['ORD', 'SEA', 'XXX']);
    expect(await metric('perennial_online_feature_values_total')).toEqual([
      'perennial_online_feature_values_total{view="origin-traffic",status="PRESENT"} 2',
      'perennial_online_feature_values_total{view="origin-traffic",status="NOT_FOUND"} 1',
    ]);
    const ages = await metric('perennial_online_feature_age_seconds');
    expect(ages).toContain('perennial_online_feature_age_seconds_bucket{le="10",view="origin-traffic"} 0');
    expect(ages).toContain('perennial_online_feature_age_seconds_bucket{le="60",view="origin-traffic"} 2');
    expect(ages).toContain('perennial_online_feature_age_seconds_sum{view="origin-traffic"} 60');
    expect(await metric('perennial_online_features_seconds_count')).toEqual([
      'perennial_online_features_seconds_count{source="online"} 1',
    ]);
  });
});
