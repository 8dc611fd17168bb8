import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OnlineFeaturesAnswer } from '../../domain/online-features.js';
import {
  column,
  ORDER_FACTS,
  openOnlineWorld,
  type OnlineWorld,
  PAIR_FACTS,
  TRAFFIC,
  WEATHER,
} from './online-world.js';
import { DEPARTED, HOUR, MAX_AGE } from './serving-fixture.js';

let world: OnlineWorld;

beforeAll(async () => {
  world = await openOnlineWorld();
});

afterEach(async () => {
  await world.forget();
});

afterAll(async () => {
  await world.close();
});

const at = (eventTs: number, seq = 1) => ({ eventTs, knownTs: eventTs, seq });
const FACTS = { amount: 0.10000000149011612, exact: 0.1, items: 3, city: 'Łódź', paid: true, placed: DEPARTED };

describe('the answer', () => {
  it('tells present, null, unknown, deleted and outdated values apart, with times and ages', async () => {
    await world.upsert(TRAFFIC, [
      { key: ['ORD'], values: { late_rate: 0.25 }, ...at(DEPARTED - 3_000) },
      { key: ['SEA'], values: { late_rate: null }, eventTs: DEPARTED - 3_500, knownTs: DEPARTED - 1_000, seq: 1 },
      { key: ['OLD'], values: { late_rate: 0.5 }, ...at(DEPARTED - MAX_AGE - 1) },
      { key: ['EDGE'], values: { late_rate: 0.75 }, ...at(DEPARTED - MAX_AGE) },
      { key: ['GONE'], values: {}, ...at(DEPARTED - 1), deleted: true },
    ]);
    const answer = await world.ask({
      features: ['origin-traffic:late_rate'],
      entities: { origin: ['ORD', 'SEA', 'XXX', 'OLD', 'EDGE', 'GONE', null] },
    });
    expect(answer.status).toBe(200);
    expect(OnlineFeaturesAnswer.parse(answer.body)).toEqual({
      asOf: DEPARTED,
      source: 'online',
      rows: 7,
      features: [
        {
          name: 'late_rate',
          type: 'float',
          from: { view: 'origin-traffic', feature: 'late_rate' },
          values: [0.25, null, null, null, 0.75, null, null],
          statuses: ['PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE', 'PRESENT', 'NOT_FOUND', 'NOT_FOUND'],
        },
      ],
      views: [
        {
          view: 'origin-traffic',
          eventTs: [DEPARTED - 3_000, DEPARTED - 3_500, null, DEPARTED - MAX_AGE - 1, DEPARTED - MAX_AGE, null, null],
          knownTs: [DEPARTED - 3_000, DEPARTED - 1_000, null, DEPARTED - MAX_AGE - 1, DEPARTED - MAX_AGE, null, null],
          ageMs: [3, 3.5, null, 172_800_000.001, 172_800_000, null, null],
        },
      ],
      staleMs: 0,
    });
  });

  it('gives values in the declared width and type', async () => {
    await world.upsert(ORDER_FACTS, [{ key: [7], values: FACTS, ...at(DEPARTED) }]);
    const answer = await world.ask({ view: 'order-facts', entities: { order_id: [7] } });
    expect(answer.body.features.map(({ name, type, values }) => [name, type, values[0]])).toEqual([
      ['amount', 'float', 0.10000000149011612],
      ['exact', 'double', 0.1],
      ['items', 'integer', 3],
      ['city', 'string', 'Łódź'],
      ['paid', 'boolean', true],
      ['placed', 'timestamp', DEPARTED],
    ]);
  });

  it('reads a feature that the stored row does not have yet as null', async () => {
    await world.upsert(ORDER_FACTS, [{ key: [7], values: { amount: 1 }, ...at(DEPARTED) }]);
    const answer = await world.ask({ features: ['order-facts:items'], entities: { order_id: [7] } });
    expect(column(answer, 'items')).toEqual([[null, 'NULL_VALUE']]);
  });

  it('answers a thousand entities, repeated ones included, and refuses one more', async () => {
    const rows = Array.from({ length: 500 }, (_unused, id) => ({ key: [id], values: { amount: id }, ...at(DEPARTED) }));
    await world.upsert(ORDER_FACTS, rows);
    const ids = Array.from({ length: 1_000 }, (_unused, row) => row % 600);
    const answer = await world.ask({ features: ['order-facts:amount'], entities: { order_id: ids } });
    expect(column(answer, 'amount')).toEqual(ids.map((id) => (id < 500 ? [id, 'PRESENT'] : [null, 'NOT_FOUND'])));
    const many = { features: ['order-facts:amount'], entities: { order_id: [...ids, 1] } };
    expect(await world.ask(many)).toMatchObject({ status: 400, body: { code: 'PRN_REQUEST_INVALID' } });
  });
});

describe('keys', () => {
  it('are taken in the type that the entity declares', async () => {
    await world.upsert(TRAFFIC, [{ key: ['5'], values: { late_rate: 0.5 }, ...at(DEPARTED) }]);
    await world.upsert(ORDER_FACTS, [{ key: [5], values: { amount: 5 }, ...at(DEPARTED) }]);
    const body = {
      features: ['origin-traffic', 'order-facts:amount'],
      entities: { origin: [5, '5', '05'], order_id: ['5', 5, '05'] },
    };
    const answer = await world.ask(body);
    expect(column(answer, 'late_rate')).toEqual([
      [0.5, 'PRESENT'],
      [0.5, 'PRESENT'],
      [null, 'NOT_FOUND'],
    ]);
    expect(column(answer, 'amount')).toEqual([
      [5, 'PRESENT'],
      [5, 'PRESENT'],
      [5, 'PRESENT'],
    ]);
    for (const wrong of ['five', 5.5, '5.0', 2 ** 53])
      expect(await world.ask({ view: 'order-facts', entities: { order_id: [1, wrong] } })).toMatchObject({
        status: 400,
        body: { error: expect.stringContaining('order_id, row 1: expected an integer') },
      });
  });

  it('that JSON has rounded are refused in place of giving those of somebody else', async () => {
    const others = '1234567890123456800';
    await world.upsert(TRAFFIC, [{ key: [others], values: { late_rate: 0.5 }, ...at(DEPARTED) }]);
    const answer = await world.ask('{"view":"origin-traffic","entities":{"origin":[1234567890123456789]}}');
    expect([answer.status, answer.body.error]).toEqual([
      400,
      'Invalid body: origin, row 0: expected a text, or an integer that JSON keeps exact, got 1234567890123456800.',
    ]);
    const sent = await world.ask({ view: 'origin-traffic', entities: { origin: [others] } });
    expect(column(sent, 'late_rate')).toEqual([[0.5, 'PRESENT']]);
  });

  it('of several parts do not run into each other', async () => {
    await world.upsert(PAIR_FACTS, [
      { key: ['1', '12'], values: { pair: 1 }, ...at(DEPARTED) },
      { key: ['11', '2'], values: { pair: 2 }, ...at(DEPARTED) },
    ]);
    const answer = await world.ask({
      view: 'pair-facts',
      entities: { a: ['1', '11', '1', null], b: ['12', '2', '2', '12'] },
    });
    expect(column(answer, 'pair')).toEqual([
      [1, 'PRESENT'],
      [2, 'PRESENT'],
      [null, 'NOT_FOUND'],
      [null, 'NOT_FOUND'],
    ]);
    const inOrder = await world.ask({ view: 'pair-facts', keys: [['11', '2']] });
    expect(column(inOrder, 'pair')).toEqual([[2, 'PRESENT']]);
    expect(await world.ask({ view: 'pair-facts', keys: [['11']] })).toMatchObject({
      status: 400,
      body: { error: 'Invalid body: keys.0: expected a, b, got 1 values.' },
    });
  });

  it('are not needed by views without entity, whose values go to every row', async () => {
    await world.upsert(WEATHER, [{ key: [], values: { amount: 21 }, ...at(DEPARTED - HOUR) }]);
    const alone = await world.ask({ view: 'weather' });
    expect([alone.body.rows, column(alone, 'amount')]).toEqual([1, [[21, 'PRESENT']]]);
    const beside = await world.ask({
      features: ['weather', 'origin-traffic'],
      entities: { origin: ['ORD', 'SEA'] },
    });
    expect(column(beside, 'amount')).toEqual([
      [21, 'PRESENT'],
      [21, 'PRESENT'],
    ]);
  });

  it('of one view can come from several fields under aliases', async () => {
    await world.upsert(TRAFFIC, [
      { key: ['ORD'], values: { late_rate: 0.25 }, ...at(DEPARTED) },
      { key: ['SEA'], values: { late_rate: 0.5 }, ...at(DEPARTED) },
    ]);
    const aliased = (as: string, field: string) => ({ view: 'origin-traffic', as, keys: { origin: field } });
    const features = [aliased('from', 'origin'), aliased('to', 'destination')];
    const entities = { origin: ['ORD', 'SEA'], destination: ['SEA', 'XXX'] };
    const answer = await world.ask({ features, entities, fullNames: true });
    expect(column(answer, 'from__late_rate')).toEqual([
      [0.25, 'PRESENT'],
      [0.5, 'PRESENT'],
    ]);
    expect(column(answer, 'to__late_rate')).toEqual([
      [0.5, 'PRESENT'],
      [null, 'NOT_FOUND'],
    ]);
    expect(answer.body.views.map(({ view }) => view)).toEqual(['from', 'to']);
    expect(await world.ask({ features, entities })).toMatchObject({
      body: { code: 'PRN_FEATURE_NAME_CLASH', error: expect.stringContaining('from__late_rate and to__late_rate') },
    });
    const twoMeanings = [aliased('from', 'origin'), aliased('from', 'destination')];
    expect((await world.ask({ features: twoMeanings, entities, fullNames: true })).status).toBe(400);
  });
});

describe('a refusal', () => {
  it('names what is unknown, with the nearest name', async () => {
    const ask = async (features: unknown[], entities: unknown = { order_id: [1] }) => {
      const { status, body } = await world.ask({ features, entities });
      return [status, body.error];
    };
    expect(await ask(['order-fact'])).toEqual([
      404,
      'No FeatureView named order-fact exists (did you mean "order-facts"?).',
    ]);
    expect(await ask(['order-facts:amuont'])).toEqual([
      404,
      'Feature view order-facts has no feature amuont (did you mean "amount"?); it has amount, exact, items, city, paid, placed.',
    ]);
    expect((await ask(['order-facts:amuont', 'order-facts:items', 'order-facts:ctiy']))[1]).toBe(
      'Feature view order-facts has no feature amuont (did you mean "amount"?), ctiy (did you mean "city"?); ' +
        'it has amount, exact, items, city, paid, placed.',
    );
    // A column of the dataset is no feature (C5).
    expect((await ask(['order-facts:order_id']))[0]).toBe(404);
    expect(await ask(['pair-facts', 'order-facts:items'], { order_id: [1] })).toEqual([
      400,
      'Entity keys a, b are missing; the features need a, b, order_id.',
    ]);
    expect(await ask(['order-facts:items'], { orderid: [1] })).toEqual([
      400,
      'Entity keys order_id are missing; the features need order_id (`orderid` is none of them).',
    ]);
    expect(await ask(['order-facts:items'], { order_id: [1], city: ['x'] })).toEqual([
      400,
      'Invalid body: no feature reads "city"; expected order_id.',
    ]);
    expect(await ask([{ view: 'order-facts', keys: { orderid: 'id' } }], { id: [1] })).toEqual([
      400,
      'Invalid body: features: order-facts has no entity key orderid (did you mean "order_id"?); it has order_id.',
    ]);
  });

  it('of a name that two views have says both, and full names tell them apart', async () => {
    await world.upsert(WEATHER, [{ key: [], values: { amount: 21 }, ...at(DEPARTED) }]);
    await world.upsert(ORDER_FACTS, [{ key: [1], values: { amount: 2 }, ...at(DEPARTED) }]);
    const body = { features: ['order-facts:amount', 'weather:amount'], entities: { order_id: [1] } };
    expect(await world.ask(body)).toMatchObject({
      status: 400,
      body: {
        code: 'PRN_FEATURE_NAME_CLASH',
        error:
          'Several features would be called amount: order-facts and weather have one each. Ask for full names, which are order_facts__amount and weather__amount.',
      },
    });
    const full = await world.ask({ ...body, fullNames: true });
    expect(full.body.features.map(({ name, values }) => [name, values[0]])).toEqual([
      ['order_facts__amount', 2],
      ['weather__amount', 21],
    ]);
  });

  it('meets every body that is none', async () => {
    const view = 'order-facts';
    const bodies: unknown[] = [
      '',
      '{',
      '[]',
      'null',
      {},
      { view, features: ['weather'] },
      { view, entities: [] },
      { view, entities: { order_id: [] } },
      { view, entities: { order_id: 1 } },
      { view, entities: { order_id: [true] } },
      { view, entities: { order_id: [[1]] } },
      { view, entities: { order_id: [1] }, keys: [[1]] },
      { view, entities: { order_id: [1] }, request: { order_id: [1] } },
      { view: 'pair-facts', entities: { a: ['1'], b: ['1', '2'] } },
      { features: [] },
      { features: [''] },
      { features: ['order-facts:'], entities: { order_id: [1] } },
      { features: ['__proto__'] },
      { view, entities: { order_id: [1] }, asOf: 'yesterday' },
      { view, entities: { order_id: [1] }, asOf: 1.5 },
      { view, entities: { order_id: [1] }, maxStaleMs: -1 },
      { view, entities: { order_id: [1] }, unknown: 1 },
      { featureService: { model: 'flight-delay', version: 1, alias: 'champion' } },
    ];
    for (const body of bodies) {
      const { status, body: answer } = await world.ask(body);
      expect([body, status >= 400 && status < 500, typeof answer.error]).toEqual([body, true, 'string']);
    }
    expect(world.problems).toEqual([]);
  });
});
