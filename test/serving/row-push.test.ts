import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pinView } from '../../activities/pinned-views.js';
import { drainPushedRows } from '../../activities/pushed-rows.js';
import { chunksAsOf } from '../../domain/materialization.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { readHistory } from '../../scoring/feature-history.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { column, openOnlineWorld, ORDER_FACTS, ORDER_FACTS_SPEC, type OnlineWorld } from './online-world.js';
import { DEPARTED, HOUR } from './serving-fixture.js';

const FACTS = { amount: 0.1, exact: 0.1, items: 3, city: 'Łódź', paid: true, placed: DEPARTED };

let world: OnlineWorld;

beforeAll(async () => {
  world = await openOnlineWorld();
});

afterEach(async () => {
  await world.forget();
  for (const name of ['pushed_feature_rows', 'materialization_states', 'materialization_heads'])
    await world.test.db.collection(name).deleteMany({});
});

afterAll(async () => {
  await world.close();
});

async function push(
  body: { to: string; rows: unknown[] },
  { key, view = 'order-facts' }: { key?: string; view?: string } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${world.serving.url}/v1/feature-views/${view}/rows`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...(key !== undefined && { headers: { 'idempotency-key': key } }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const ask = (order: number) => world.ask({ view: 'order-facts', entities: { order_id: [order] } });
const row = (order: number, values: object = FACTS, eventTs = DEPARTED - HOUR) => ({
  keys: { order_id: order },
  eventTs,
  values,
});

const NOT_FOUND = [null, 'NOT_FOUND'];
const PAIRS = { view: 'pair-facts' };

async function itemsAsOf(orders: readonly number[], asOf = DEPARTED): Promise<unknown[]> {
  const answer = await world.ask({ view: 'order-facts', entities: { order_id: orders }, asOf });
  expect(answer.body.source).toBe('history');
  return column(answer, 'items');
}

const drain = () => drainPushedRows({ stores: world.stores, tables: world.tables, sha256Hex }, 'order-facts');

/** What training would read of the view now. */
async function history(): Promise<unknown[]> {
  const dependencies = { stores: world.stores, tables: world.tables, sha256Hex };
  const pinned = await pinView(dependencies, 'order-facts');
  const chunks = chunksAsOf(await world.stores.features.chunks('order-facts', pinned.revision), pinned);
  const paths = await Promise.all(
    chunks
      .filter(({ rows }) => rows > 0)
      .map(async ({ table }) => quoteText(await world.stores.artifacts.localPath(table))),
  );
  return world.tables.use((session) =>
    session.rows(`select * from read_parquet([${paths.join(', ')}], union_by_name = true) order by seq`),
  );
}

describe('pushed rows', () => {
  it('are answered at once in the types of the view, and read by training with the same values and rank', async () => {
    const pushed = await push({ to: 'both', rows: [row(7), row(8, {})] });
    expect(pushed).toMatchObject({
      status: 200,
      body: { view: 'order-facts', to: 'both', rows: 2, knownTs: DEPARTED },
    });
    const answer = await ask(7);
    const values = ['amount', 'exact', 'items', 'city', 'paid', 'placed'].map((name) => column(answer, name)[0]);
    expect(values).toEqual([0.10000000149011612, 0.1, 3, 'Łódź', true, DEPARTED].map((value) => [value, 'PRESENT']));
    expect(column(await ask(8), 'city')).toEqual([[null, 'NULL_VALUE']]);
    const [online] = (await world.stores.features.readOnline('order-facts', ['[7]'])).values();
    const [first, second] = await history();
    const times = { event_ts: DEPARTED - HOUR, known_ts: DEPARTED, deleted: false };
    expect(first).toEqual({ order_id: 7, ...times, seq: online?.seq, ...FACTS, amount: 0.10000000149011612 });
    expect(second).toMatchObject({ order_id: 8, ...times, amount: null, city: null });
  });

  it('go where they are sent: online only, or to history only, also when all is brought online anew', async () => {
    await push({ to: 'online', rows: [row(1)] });
    await push({ to: 'offline', rows: [row(2)] });
    await push({ to: 'both', rows: [row(3)] });
    const found = await Promise.all([1, 2, 3].map(async (order) => column(await ask(order), 'items')[0]));
    expect(found).toEqual([
      [3, 'PRESENT'],
      [null, 'NOT_FOUND'],
      [3, 'PRESENT'],
    ]);
    expect((await history()).map((each) => (each as { order_id: number }).order_id)).toEqual([2, 3]);
    const chunks = await world.stores.features.chunks('order-facts', 1);
    expect(chunks.map(({ content, online, rows }) => [content, online, rows])).toEqual([
      ['pushed', false, 1],
      ['pushed', true, 1],
    ]);
  });

  it('delete an entity from their event time on, and lose against what happened later', async () => {
    await push({ to: 'online', rows: [row(5)] });
    await push({ to: 'online', rows: [{ keys: { order_id: 5 }, eventTs: DEPARTED - 1, deleted: true }] });
    expect(column(await ask(5), 'items')).toEqual([[null, 'NOT_FOUND']]);
    // Late, and older than the deletion: nothing comes back.
    await push({ to: 'online', rows: [row(5, FACTS, DEPARTED - 2)] });
    expect(column(await ask(5), 'items')).toEqual([[null, 'NOT_FOUND']]);
    await push({ to: 'online', rows: [row(5, { items: 9 }, DEPARTED)] });
    expect(column(await ask(5), 'items')).toEqual([[9, 'PRESENT']]);
  });

  it('are taken once under one key, and another push under it is refused', async () => {
    const body = { to: 'both', rows: [row(7)] };
    const first = await push(body, { key: 'push-1' });
    world.time.now += HOUR;
    expect(await push(body, { key: 'push-1' })).toEqual(first);
    world.time.now -= HOUR;
    expect((await history()).length).toBe(1);
    const other = await push({ to: 'both', rows: [row(7, { items: 4 })] }, { key: 'push-1' });
    expect([other.status, other.body['code']]).toEqual([422, 'PRN_IDEMPOTENCY_MISMATCH']);
    expect(column(await ask(7), 'items')).toEqual([[3, 'PRESENT']]);
  });

  it('answer asOf before they are drained, as far as they had been sent to history and were known', async () => {
    await push({ to: 'both', rows: [row(7)] });
    await push({ to: 'offline', rows: [row(8, { items: 4 })] });
    await push({ to: 'online', rows: [row(9)] });
    expect(await itemsAsOf([7, 8, 9, 10])).toEqual([[3, 'PRESENT'], [4, 'PRESENT'], NOT_FOUND, NOT_FOUND]);
    expect(await itemsAsOf([7, 8], DEPARTED - 1)).toEqual([NOT_FOUND, NOT_FOUND]);
    expect(await world.stores.features.chunks('order-facts', 1)).toEqual([]);
    const answer = await world.ask({ view: 'order-facts', entities: { order_id: [7] }, asOf: DEPARTED });
    expect(['amount', 'exact', 'city', 'paid', 'placed'].map((name) => column(answer, name)[0])).toEqual(
      [0.10000000149011612, 0.1, 'Łódź', true, DEPARTED].map((value) => [value, 'PRESENT']),
    );
  });

  it('compete with drained and computed rows by (event, known, seq) in answers asOf, deletions included', async () => {
    const computed = (key: number, eventTs: number, knownTs: number) => ({
      key: [key],
      eventTs,
      knownTs,
      seq: 2 ** 32 + key,
      values: { items: 1 },
    });
    await world.chunk(ORDER_FACTS, [
      computed(1, DEPARTED - HOUR, DEPARTED),
      computed(2, DEPARTED - HOUR + 1, DEPARTED - HOUR),
      computed(3, DEPARTED - HOUR, DEPARTED - 1),
      computed(4, DEPARTED - 2 * HOUR, DEPARTED),
    ]);
    await push({ to: 'both', rows: [row(5, { items: 2 }), row(6, { items: 2 })] });
    await drain();
    await push({ to: 'both', rows: [1, 2, 3].map((order) => row(order, { items: 7 })) });
    await push({ to: 'both', rows: [{ keys: { order_id: 4 }, eventTs: DEPARTED - HOUR, deleted: true }] });
    await push({ to: 'both', rows: [row(5, { items: 8 }), row(5, { items: 9 })] });
    await push({ to: 'both', rows: [row(6, { items: 8 }, DEPARTED - HOUR - 1), row(6, { items: 5 }, DEPARTED + 1)] });
    const items = [7, 1, 7, null, 9, 2];
    const expected = items.map((value) => (value === null ? NOT_FOUND : [value, 'PRESENT']));
    expect(await itemsAsOf([1, 2, 3, 4, 5, 6])).toEqual(expected);
    expect(await drain()).toEqual({ chunks: 1, rows: 8 });
    expect(await itemsAsOf([1, 2, 3, 4, 5, 6])).toEqual(expected);
  });

  it('answer asOf by their whole key, and for everybody where the view has no entity', async () => {
    await push({ to: 'both', rows: [{ keys: { a: '1', b: '12' }, eventTs: DEPARTED, values: { pair: 2 } }] }, PAIRS);
    const entities = { a: ['1', '11'], b: ['12', '2'] };
    const pairs = await world.ask({ view: 'pair-facts', entities, asOf: DEPARTED });
    expect(column(pairs, 'pair')).toEqual([[2, 'PRESENT'], NOT_FOUND]);
    await push({ to: 'both', rows: [{ eventTs: DEPARTED, values: { amount: 21 } }] }, { view: 'weather' });
    expect(column(await world.ask({ view: 'weather', asOf: DEPARTED }), 'amount')).toEqual([[21, 'PRESENT']]);
  });

  it('are drained once, and again for a new revision of the view, whose rows have new features as null', async () => {
    await push({ to: 'both', rows: [row(7)] });
    expect(await drain()).toEqual({ chunks: 1, rows: 1 });
    expect(await drain()).toEqual({ chunks: 0, rows: 0 });
    const features = [...ORDER_FACTS_SPEC.features, { name: 'twice', expression: 'amount * 2' }];
    const view = { apiVersion: 'perennial/v1', kind: 'FeatureView', metadata: { name: 'order-facts' } };
    await world.apply({ ...view, spec: { ...ORDER_FACTS_SPEC, features } });
    try {
      expect(await history()).toMatchObject([{ order_id: 7, items: 3, twice: null }]);
    } finally {
      await world.apply({ ...view, spec: ORDER_FACTS_SPEC });
    }
  });

  it('count asOf after the serving delay of the view, and not for an earlier revision than they were pushed to', async () => {
    const view = { apiVersion: 'perennial/v1', kind: 'FeatureView', metadata: { name: 'order-facts' } };
    const revision = async () => (await world.stores.resources.get('FeatureView', 'order-facts'))?.revision ?? 0;
    const itemsAt = async (at: number, asOf: number) => {
      const keys = [{ key: 'order_id', type: 'integer' as const, request: 'order_id' }];
      const reads = { keys, features: ['items'], types: { items: 'integer' as const }, maxAgeMicros: null };
      const frozen = { view: 'order-facts', revision: at, ...reads };
      const rows = await readHistory({ ...world.stores, tables: world.tables }, { view: frozen, keys: ['[7]'], asOf });
      return rows.get('[7]')?.values['items'];
    };
    await push({ to: 'both', rows: [row(7)] });
    const earlier = await revision();
    await world.apply({ ...view, spec: { ...ORDER_FACTS_SPEC, servingDelay: '1h' } });
    try {
      await push({ to: 'both', rows: [row(7, { items: 4 }, DEPARTED - 1)] });
      const later = await revision();
      expect(await itemsAt(later, DEPARTED + HOUR - 1)).toBeUndefined();
      expect(await itemsAt(later, DEPARTED + HOUR)).toBe(4);
      expect(await itemsAt(earlier, DEPARTED + HOUR)).toBe(3);
    } finally {
      await world.apply({ ...view, spec: ORDER_FACTS_SPEC });
    }
  });

  it.each([
    [{ ...row(7), values: { amont: 1 } }, 'rows.0: values.amont is unknown (did you mean "amount"?)'],
    [{ ...row(7), keys: { order: 7 } }, 'rows.0: keys.order is unknown'],
    [{ ...row(7), keys: {} }, 'rows.0: keys.order_id must be a whole number below 2⁵³, got nothing'],
    [{ ...row(7), keys: { order_id: '7.5' } }, 'rows.0: keys.order_id must be a whole number below 2⁵³, got "7.5"'],
    [row(7, { amount: 1e39 }), 'rows.0: values.amount must be a number that 32 bits can hold, or null, got 1e+39'],
    [row(7, { items: 1.5 }), 'rows.0: values.items must be a whole number below 2⁵³ or null, got 1.5'],
    [row(7, { paid: 'yes' }), 'rows.0: values.paid must be true, false or null, got "yes"'],
    [row(7, { city: 5 }), 'rows.0: values.city must be a text or null, got 5'],
    [row(7, FACTS, DEPARTED + HOUR), 'rows.0: eventTs is in the future'],
    [{ ...row(7), deleted: true }, 'rows.0: a deleted row has no values: leave either out'],
    [{ keys: { order_id: 7 }, values: {} }, 'rows.0.eventTs'],
  ])('that do not fit are refused with what to change: %j', async (sent, problem) => {
    const refused = await push({ to: 'both', rows: [sent] });
    expect(refused.status).toBe(400);
    expect(refused.body['error']).toContain(problem);
    expect(await world.stores.features.pushes('order-facts', { after: 0, limit: 1 })).toEqual([]);
  });

  it('of a view that is not there are refused with the nearest one', async () => {
    const refused = await push({ to: 'both', rows: [row(7)] }, { view: 'order-fact' });
    expect([refused.status, refused.body['code']]).toEqual([404, 'PRN_RESOURCE_NOT_FOUND']);
    expect(refused.body['error']).toContain('order-facts');
  });
});
