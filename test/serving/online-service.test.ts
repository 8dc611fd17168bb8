import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bundle } from '../../domain/bundle.js';
import type { FeaturePlan } from '../../domain/features.js';
import { generationOf } from '../../domain/materialization.js';
import { onlineRow } from '../support/feature-rows.js';
import { column, ORDER_FACTS, ORDER_FACTS_SPEC, openOnlineWorld, type OnlineWorld, TRAFFIC } from './online-world.js';
import { bundleOf, DEPARTED, ENDPOINT, HOUR, MAX_AGE, MODEL, until } from './serving-fixture.js';

let world: OnlineWorld;

beforeAll(async () => {
  world = await openOnlineWorld();
});

afterEach(async () => {
  world.time.now = DEPARTED;
  await world.forget();
});

afterAll(async () => {
  await world.close();
});

function untrainedModel(name: string): unknown {
  return {
    apiVersion: 'perennial/v1',
    kind: 'Model',
    metadata: { name },
    spec: {
      task: 'binary',
      endpoint: ENDPOINT,
      spine: { dataset: 'flights', keys: ['origin'], eventTime: 'departed_ts' },
      label: { expression: 'delay > 15', availableAfter: '12h' },
      features: [{ request: 'distance' }],
      split: { holdout: '14d' },
      trainer: { kind: 'gbdt', parameters: { trees: 30, depth: 4 }, seed: 7 },
    },
  };
}

const PLAN: FeaturePlan = {
  inputs: [
    { name: 'distance', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'distance' } },
    { name: 'departed_ts', datatype: 'INT64', nullable: false, source: { kind: 'request', column: 'departed_ts' } },
    {
      name: 'origin_traffic__late_rate',
      datatype: 'FP32',
      nullable: true,
      source: { kind: 'view', view: 'origin-traffic', feature: 'late_rate' },
    },
    { name: 'origin', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'origin' } },
  ],
  features: [
    { name: 'hour', expression: 'hour_of(departed_ts)' },
    { name: 'origin_traffic__late_rate', expression: 'origin_traffic__late_rate' },
    { name: 'risk', expression: 'distance * origin_traffic__late_rate' },
    { name: 'known_risk', expression: 'coalesce(origin_traffic__late_rate, 0.5)' },
    { name: 'distance', expression: 'distance' },
    { name: 'origin', expression: 'origin' },
  ],
  encodings: [{ input: 'origin', categories: ['ORD', 'SEA'] }],
};

async function addVersion(plan: FeaturePlan = PLAN): Promise<number> {
  const bundle: Bundle = { ...(await bundleOf(world.stores, { base: 0 })), plan };
  return world.addBundle({ ...bundle, bundleVersion: 2 });
}

async function promote(version: number): Promise<void> {
  const { registry, endpoints } = world.stores;
  const standing = await registry.head(MODEL);
  await registry.setStage({ model: MODEL, version, from: 'none', to: 'staging', actor: 'test', reason: 'test' });
  const { controller } = await endpoints.acquire(ENDPOINT, 'test');
  await endpoints.promote({
    requestId: `promote-${version}`,
    endpoint: ENDPOINT,
    model: MODEL,
    version,
    controller,
    actor: 'test',
    at: DEPARTED + version,
    expectedChampion: standing?.champion ?? null,
    expectedAliasRevision: standing?.aliasRevision ?? 0,
    shadow: [],
    reason: 'rollout',
  });
}

const rates = (rows: Readonly<Record<string, [rate: number | null, eventTs: number]>>) =>
  world.upsert(
    TRAFFIC,
    Object.entries(rows).map(([key, [rate, eventTs]]) => ({
      key: [key],
      values: { late_rate: rate },
      eventTs,
      knownTs: eventTs,
      seq: 1,
    })),
  );

describe('the features of a model version', () => {
  it('come in its order, computed ones by its own graph with the worst status of their inputs', async () => {
    const version = await addVersion();
    await rates({ ORD: [0.25, DEPARTED], SEA: [null, DEPARTED], OLD: [0.5, DEPARTED - MAX_AGE - 1] });
    const rows = { origin: ['ORD', 'SEA', 'OLD', 'XXX', 'ORD'], distance: [1_000, 10, 10, 10, null] };
    const answer = await world.ask({
      featureService: { model: MODEL, version },
      entities: { origin: rows.origin },
      request: { distance: rows.distance, departed_ts: Array.from({ length: 5 }, () => '1969-12-31T23:30:00Z') },
    });
    expect(answer.body.featureService).toEqual({ model: MODEL, version });
    expect(answer.body.features.map(({ name, type, from }) => [name, type, from])).toEqual([
      ['hour', 'float', { inputs: ['departed_ts'] }],
      ['origin_traffic__late_rate', 'float', { view: 'origin-traffic', feature: 'late_rate' }],
      ['risk', 'float', { inputs: ['distance', 'origin_traffic__late_rate'] }],
      ['known_risk', 'float', { inputs: ['origin_traffic__late_rate'] }],
      ['distance', 'float', { request: 'distance' }],
      ['origin', 'string', { request: 'origin' }],
    ]);
    expect(column(answer, 'hour')).toEqual(Array.from({ length: 5 }, () => [23, 'PRESENT']));
    expect(column(answer, 'risk')).toEqual([
      [250, 'PRESENT'],
      [null, 'NULL_VALUE'],
      [null, 'OUTSIDE_MAX_AGE'],
      [null, 'NOT_FOUND'],
      [null, 'NULL_VALUE'],
    ]);
    // What the model would see although the input is missing.
    expect(column(answer, 'known_risk')).toEqual([
      [0.25, 'PRESENT'],
      [0.5, 'NULL_VALUE'],
      [0.5, 'OUTSIDE_MAX_AGE'],
      [0.5, 'NOT_FOUND'],
      [0.25, 'PRESENT'],
    ]);
    expect(column(answer, 'distance')[4]).toEqual([null, 'NULL_VALUE']);
    expect(column(answer, 'origin')[3]).toEqual(['XXX', 'PRESENT']);
  });

  it('are read from history as of a time by the same graph', async () => {
    const version = await addVersion();
    const times = { eventTs: DEPARTED - HOUR, knownTs: DEPARTED - HOUR, seq: 1 };
    await world.chunk(TRAFFIC, [{ key: ['ORD'], values: { late_rate: 0.25 }, ...times }]);
    const answer = await world.ask({
      featureService: { model: MODEL, version },
      entities: { origin: ['ORD'] },
      request: { distance: [8], departed_ts: [DEPARTED] },
      asOf: DEPARTED,
    });
    expect([answer.body.source, column(answer, 'risk'), column(answer, 'hour')]).toEqual([
      'history',
      [[2, 'PRESENT']],
      [[12, 'PRESENT']],
    ]);
  });

  it('are refused where a request field is missing or mistyped, before anything is read', async () => {
    const version = await addVersion();
    const ask = async (request: unknown, entities: unknown = { origin: ['ORD'] }) => {
      const { status, body } = await world.ask({ featureService: { model: MODEL, version }, entities, request });
      return [status, body.code, body.error];
    };
    expect(await ask({})).toEqual([
      400,
      'PRN_FEATURE_MISSING',
      'Request field distance, departed_ts is missing; the model needs origin, distance, departed_ts.',
    ]);
    expect(await ask({ distance: ['far'], departed_ts: [1] })).toEqual([
      400,
      'PRN_INFERENCE_INPUT',
      'Input distance: row 0: expected a number, got "far".',
    ]);
    expect((await ask({ distance: [1], departed_ts: ['noon'] }))[1]).toBe('PRN_TIME_INVALID');
    expect((await ask({ distance: [1], departed_ts: [null] }))[1]).toBe('PRN_INFERENCE_INPUT');
    expect((await ask({ distance: [1], departed_ts: [1] }, {}))[1]).toBe('PRN_FEATURE_KEYS_MISSING');
  });

  it('do not change when a view is applied anew and materialised by its new revision', async () => {
    const version = await addVersion();
    const times = { eventTs: DEPARTED - HOUR, knownTs: DEPARTED - HOUR, seq: 1 };
    const row = (rate: number) => ({ key: ['ORD'], values: { late_rate: rate }, ...times });
    await world.chunk(TRAFFIC, [row(0.25)]);
    await world.chunk({ ...TRAFFIC, revision: 2 }, [row(100)]);
    const publish = (rate: number, viewRevision: number) =>
      world.stores.features.upsertOnline(
        TRAFFIC.view,
        [onlineRow(row(rate))],
        generationOf({ viewRevision, sinceSeq: 1 }),
      );
    const risk = async () => {
      const entities = { origin: ['ORD'] };
      const request = { distance: [8], departed_ts: [DEPARTED] };
      return column(await world.ask({ featureService: { model: MODEL, version }, entities, request }), 'risk');
    };
    await publish(0.25, 1);
    expect(await risk()).toEqual([[2, 'PRESENT']]);
    await publish(100, 2);
    const online = await world.stores.features.readOnline(TRAFFIC.view, ['["ORD"]'], ['late_rate']);
    expect(online.get('["ORD"]')).toMatchObject({ values: { late_rate: 100 }, viewRevision: 2 });
    expect(await risk()).toEqual([[2, 'PRESENT']]);
  });

  it('follow the champion where no version is named', async () => {
    const ask = async (service: object) => {
      const { status, body } = await world.ask({
        featureService: { model: MODEL, ...service },
        entities: { origin: ['ORD'] },
        request: { distance: [1], departed_ts: [DEPARTED] },
      });
      return [status, body.featureService?.version ?? body.error];
    };
    expect(await ask({})).toEqual([404, `Model ${MODEL} had no version in production.`]);
    const first = await addVersion();
    await promote(first);
    expect(
      await until(
        () => ask({}),
        ([status]) => status === 200,
      ),
    ).toEqual([200, first]);
    const second = await addVersion({ ...PLAN, features: [...PLAN.features].reverse() });
    expect(await ask({ alias: 'champion' })).toEqual([200, first]);
    await promote(second);
    expect(
      await until(
        () => ask({}),
        ([, version]) => version === second,
      ),
    ).toEqual([200, second]);
    expect(await ask({ alias: 'champoin' })).toEqual([
      404,
      `No alias of model ${MODEL} named champoin exists (did you mean "champion"?).`,
    ]);
    expect(await ask({ version: 999 })).toEqual([404, `Model ${MODEL} has no version 999.`]);
    await world.apply(untrainedModel('untrained'));
    const untrained = await world.ask({ featureService: { model: 'untrained' }, entities: { origin: ['ORD'] } });
    expect([untrained.status, untrained.body.error]).toEqual([
      404,
      'Model untrained had no version in production: it is declared, but no version of it was trained yet; ' +
        'until then ask for its features by name.',
    ]);
    expect((await world.ask({ featureService: { model: 'flight-dealy' } })).body.error).toBe(
      'No Model named flight-dealy exists (did you mean "flight-delay"?).',
    );
  });
});

describe('a plan', () => {
  const body = { features: ['order-facts', 'origin-traffic'], entities: { order_id: [1], origin: ['ORD'] } };

  it('is made once: a request reads each of its views once and nothing else', async () => {
    await world.ask(body);
    const { db } = world.test;
    await db.command({ profile: 2 });
    for (let request = 0; request < 10; request += 1) expect((await world.ask(body)).status).toBe(200);
    await db.command({ profile: 0 });
    const reads = await db.collection('system.profile').find({ op: 'query' }).toArray();
    const names = reads.map(({ ns }) => String(ns).slice(world.test.name.length + 1));
    const count = (name: string) => names.filter((each) => each === name).length;
    expect(['online_order-facts', 'online_origin-traffic', 'resources', 'models'].map(count)).toEqual([10, 10, 0, 0]);
  });

  it('is made anew when a resource that it was made from changes', async () => {
    await world.upsert(ORDER_FACTS, [
      { key: [1], values: { amount: 1 }, eventTs: DEPARTED - 2 * HOUR, knownTs: DEPARTED - 2 * HOUR, seq: 1 },
    ]);
    const status = async () => (await world.ask(body)).body.features[0]?.statuses[0];
    expect(await status()).toBe('PRESENT');
    const view = { apiVersion: 'perennial/v1', kind: 'FeatureView', metadata: { name: 'order-facts' } };
    await world.apply({ ...view, spec: { ...ORDER_FACTS_SPEC, maxAge: '1h' } });
    await until(status, (each) => each === 'OUTSIDE_MAX_AGE');
    await world.stores.resources.delete('FeatureView', 'order-facts', 'test');
    await until(
      () => world.ask(body),
      (answer) => answer.status === 404,
    );
    await world.apply({ ...view, spec: ORDER_FACTS_SPEC });
    await until(status, (each) => each === 'PRESENT');
  });
});
