import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Serving } from '../../serving/server.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { type Database, openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { type CutProxy, openCutProxy } from './cut-proxy.js';
import {
  ENDPOINT,
  get,
  openServingWorld,
  post,
  requestOf,
  type ServingWorld,
  until,
  untilRev,
} from './serving-fixture.js';

const KEY = 'a-key-of-the-test';

let world: ServingWorld;
let proxy: CutProxy;
let database: Database;
let serving: Serving;
/** Milliseconds by which what serving remembers is older than the clock says. */
let agedMs: number;

/** The serving process reaches MongoDB only through the proxy; the test itself reaches it directly. */
beforeEach(async () => {
  world = await openServingWorld();
  const { hostname, port } = new URL(world.test.uri.replace('mongodb://', 'http://'));
  proxy = await openCutProxy({ host: hostname, port: Number(port) });
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`;
  database = await openDatabase({ uri, database: world.test.name });
  const stores = createStores(database, {
    artifacts: openFileArtifacts(join(world.folder, 'artifacts')),
    now: () => Date.now() * 1_000,
    sha256Hex,
  });
  const digest = createHash('sha256').update(KEY).digest('hex');
  const record = { digest, keyId: 'k1', name: 'tester', role: 'viewer', createdTs: 1, revoked: false } as const;
  await world.stores.keys.insertKey(record, 'test');
  agedMs = 0;
  serving = await world.start({ stores, auth: 'key', elapsedMs: () => performance.now() + agedMs });
});

afterEach(async () => {
  proxy.mend();
  await world.close();
  await database.close();
  await proxy.close();
});

const headers = { authorization: `Bearer ${KEY}` };
const infer = (readsView: boolean) =>
  post(`${serving.url}/v2/models/${ENDPOINT}/infer`, requestOf([{}], { readsView }), headers);
const readiness = () => get(`${serving.url}/v2/health/ready`);
const isDegraded = ({ body }: { body: unknown }): boolean => (body as { degraded: boolean }).degraded;

describe('while MongoDB is away', () => {
  it('a model of request fields goes on answering, keys included, and its rows are written afterwards', async () => {
    const version = await world.addVersion({ base: 0, readsView: false });
    await untilRev(world.stores, serving, await world.route([{ version, weight: 100 }]));
    expect((await infer(false)).status).toBe(200);
    proxy.cut();
    expect(await until(readiness, isDegraded)).toMatchObject({ status: 200, body: { ready: true } });
    expect(await (await fetch(`${serving.url}/metrics`)).text()).toContain('perennial_degraded 1');
    // Longer than a key is remembered without asking.
    agedMs = 5_200;
    for (let request = 0; request < 20; request += 1) expect((await infer(false)).status).toBe(200);
    const stranger = await post(`${serving.url}/v2/models/${ENDPOINT}/infer`, {}, { authorization: 'Bearer other' });
    expect(stranger).toMatchObject({ status: 503, body: { code: 'PRN_UNAVAILABLE' } });

    proxy.mend();
    await until(readiness, (answer) => !isDegraded(answer));
    const logged = await until(
      () => world.stores.predictions.count(ENDPOINT),
      (rows) => rows >= 21,
    );
    expect(logged).toBe(21);
  });

  it('a model that reads a view answers 503 at once, counts it as failed, and recovers', async () => {
    const version = await world.addVersion({ base: 0 });
    await untilRev(world.stores, serving, await world.route([{ version, weight: 100 }]));
    // The key is known from now on, so that what follows fails for the view alone.
    expect((await infer(true)).status).toBe(200);
    proxy.cut();
    await until(readiness, isDegraded);
    await until(
      () => infer(true),
      ({ status }) => status === 503,
    );
    const startedMs = performance.now();
    const answer = await infer(true);
    expect(answer).toMatchObject({ status: 503, body: { code: 'PRN_UNAVAILABLE' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    // The driver itself would wait ten seconds for a server.
    expect(performance.now() - startedMs).toBeLessThan(3_000);

    proxy.mend();
    await until(
      () => infer(true),
      ({ status }) => status === 200,
    );
    const failed = await until(
      async () => (await world.logged()).flatMap(({ error }) => [...error]),
      (errors) => errors.includes(1) && errors.includes(0),
    );
    expect(failed.filter((error) => error === 1).length).toBeGreaterThanOrEqual(1);
  });

  it('routes that changed meanwhile are followed once it is back', async () => {
    const first = await world.addVersion({ base: -1, readsView: false });
    const second = await world.addVersion({ base: 1, readsView: false });
    await untilRev(world.stores, serving, await world.route([{ version: first, weight: 100 }]));
    expect((await infer(false)).body.model_version).toBe(String(first));
    proxy.cut();
    await until(readiness, isDegraded);
    await world.route([{ version: second, weight: 100 }]);
    expect((await infer(false)).body.model_version).toBe(String(first));
    proxy.mend();
    const answer = await until(
      () => infer(false),
      ({ body }) => body.model_version === String(second),
    );
    expect(answer.status).toBe(200);
  });
});
