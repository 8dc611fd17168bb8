import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureStatus } from '../../domain/feature-view.js';
import type { FeatureRow } from '../support/feature-rows.js';
import { column, ORDER_FACTS, openOnlineWorld, type OnlineWorld, TRAFFIC, WEATHER } from './online-world.js';
import {
  DEPARTED,
  ENDPOINT,
  expectedProbability,
  HOUR,
  MAX_AGE,
  outputOf,
  post,
  requestOf,
  untilRev,
} from './serving-fixture.js';

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

const rate = (key: string, lateRate: number | null, times: Omit<FeatureRow, 'key' | 'values'>): FeatureRow => ({
  key: [key],
  values: { late_rate: lateRate },
  ...times,
});

/** Commits rows to history and publishes them, as materialisation does. */
async function materialise(rows: readonly FeatureRow[]): Promise<void> {
  await world.chunk(TRAFFIC, rows);
  await world.upsert(TRAFFIC, rows);
}

describe('asOf', () => {
  it('gives again what was served at a time, whatever was restated, came late or was deleted since', async () => {
    const at = (eventTs: number, knownTs: number, seq: number) => ({ eventTs, knownTs, seq });
    await materialise([
      rate('ORD', 0.25, at(DEPARTED - 2 * HOUR, DEPARTED - HOUR, 1)),
      rate('SEA', null, at(DEPARTED - 2 * HOUR, DEPARTED - HOUR, 2)),
      rate("O'Hare", 0.5, at(DEPARTED - MAX_AGE - 1, DEPARTED - HOUR, 3)),
      rate('GONE', 1, at(DEPARTED - 3 * HOUR, DEPARTED - 3 * HOUR, 4)),
      { ...rate('GONE', null, at(DEPARTED - HOUR, DEPARTED - HOUR, 5)), deleted: true },
    ]);
    const body = { view: 'origin-traffic', entities: { origin: ['ORD', 'SEA', "O'Hare", 'GONE', 'NEW', null] } };
    const served = await world.ask(body);
    expect(column(served, 'late_rate')).toEqual([
      [0.25, 'PRESENT'],
      [null, 'NULL_VALUE'],
      [null, 'OUTSIDE_MAX_AGE'],
      [null, 'NOT_FOUND'],
      [null, 'NOT_FOUND'],
      [null, 'NOT_FOUND'],
    ]);
    await materialise([
      rate('ORD', 0.9, at(DEPARTED - 2 * HOUR, DEPARTED + HOUR, 11)),
      rate('SEA', 0.8, at(DEPARTED - HOUR, DEPARTED + 1, 12)),
      rate("O'Hare", 0.7, at(DEPARTED - HOUR, DEPARTED + 2, 13)),
      rate('GONE', 0.6, at(DEPARTED + 1, DEPARTED + 1, 14)),
      rate('NEW', 0.5, at(DEPARTED - HOUR, DEPARTED + HOUR, 15)),
      { ...rate('ORD', null, at(DEPARTED + 2 * HOUR, DEPARTED + 2 * HOUR, 16)), deleted: true },
    ]);
    world.time.now = DEPARTED + 3 * HOUR;
    const again = await world.ask({ ...body, asOf: DEPARTED });
    expect(again.body).toEqual({ ...served.body, source: 'history' });
    expect(await world.ask({ ...body, asOf: '2001-04-02T12:00:00Z' })).toEqual(again);
    expect(column(await world.ask(body), 'late_rate')).toEqual([
      [null, 'NOT_FOUND'],
      [0.8, 'PRESENT'],
      [0.7, 'PRESENT'],
      [0.6, 'PRESENT'],
      [0.5, 'PRESENT'],
      [null, 'NOT_FOUND'],
    ]);
  });

  it('finds keys with a NUL in them, and finds none without', async () => {
    const nul = 'A\0B';
    const times = { eventTs: DEPARTED - HOUR, knownTs: DEPARTED - HOUR };
    await materialise([rate('A', 0.25, { ...times, seq: 1 }), rate(nul, 0.5, { ...times, seq: 2 })]);
    const answer = await world.ask({
      view: 'origin-traffic',
      entities: { origin: [nul, 'A', 'B\0'] },
      asOf: DEPARTED,
    });
    expect([answer.body.source, column(answer, 'late_rate')]).toEqual([
      'history',
      [
        [0.5, 'PRESENT'],
        [0.25, 'PRESENT'],
        [null, 'NOT_FOUND'],
      ],
    ]);
  });

  it('never takes the newest online row, which may have been written later', async () => {
    await world.upsert(TRAFFIC, [rate('ORD', 0.25, { eventTs: DEPARTED - HOUR, knownTs: DEPARTED - HOUR, seq: 1 })]);
    const answer = await world.ask({ view: 'origin-traffic', entities: { origin: ['ORD'] }, asOf: DEPARTED });
    expect([answer.body.source, column(answer, 'late_rate')]).toEqual(['history', [[null, 'NOT_FOUND']]]);
  });

  it('reads every type, integer keys and views without entity from history', async () => {
    const values = { amount: 0.10000000149011612, exact: 0.1, items: 3, city: 'Łódź', paid: false, placed: DEPARTED };
    const times = { eventTs: DEPARTED, knownTs: DEPARTED, seq: 2 ** 52 };
    await world.chunk(ORDER_FACTS, [{ key: [7], values, ...times }]);
    await world.chunk(WEATHER, [{ key: [], values: { amount: 21 }, ...times }]);
    const features = ['order-facts', 'weather'];
    const body = { features, entities: { order_id: ['7', 8] }, fullNames: true, asOf: DEPARTED };
    const answer = await world.ask(body);
    const names = Object.keys(values).map((name) => `order_facts__${name}`);
    expect(names.map((name) => column(answer, name)[0])).toEqual(
      Object.values(values).map((value) => [value, 'PRESENT']),
    );
    expect(column(answer, 'order_facts__city')[1]).toEqual([null, 'NOT_FOUND']);
    expect(column(answer, 'weather__amount')).toEqual([
      [21, 'PRESENT'],
      [21, 'PRESENT'],
    ]);
  });

  it('may be ahead as far as clocks differ, and no further', async () => {
    const ask = async (asOf: number) => (await world.ask({ view: 'weather', asOf })).status;
    expect(await ask(DEPARTED + 5 * 60_000_000)).toBe(200);
    expect(await ask(DEPARTED + 5 * 60_000_000 + 1)).toBe(400);
  });
});

describe('a newest row that has not happened or is not known yet', () => {
  it('does not hide the one before it', async () => {
    const known = { eventTs: DEPARTED - 2 * HOUR, knownTs: DEPARTED - 2 * HOUR };
    await materialise([
      rate('DELAYED', 0.25, { ...known, seq: 1 }),
      rate('DELAYED', 0.75, { eventTs: DEPARTED - HOUR, knownTs: DEPARTED + 1, seq: 2 }),
      rate('FUTURE', 0.5, { ...known, seq: 3 }),
      rate('FUTURE', 0.9, { eventTs: DEPARTED + 1, knownTs: DEPARTED - HOUR, seq: 4 }),
      rate('UNBORN', 0.1, { eventTs: DEPARTED + 1, knownTs: DEPARTED + 1, seq: 5 }),
    ]);
    const body = { view: 'origin-traffic', entities: { origin: ['DELAYED', 'FUTURE', 'UNBORN'] } };
    const before = await world.ask(body);
    expect([before.body.source, column(before, 'late_rate')]).toEqual([
      'online',
      [
        [0.25, 'PRESENT'],
        [0.5, 'PRESENT'],
        [null, 'NOT_FOUND'],
      ],
    ]);
    // Predictions go by the same rule.
    const version = await world.addVersion({ base: 0 });
    await untilRev(world.stores, world.serving, await world.route([{ version, weight: 100 }]));
    const predict = async () => {
      const url = `${world.serving.url}/v2/models/${ENDPOINT}/infer`;
      const answer = await post(url, requestOf([{ origin: 'DELAYED', departedTs: DEPARTED }]));
      return outputOf(answer, 'probability')[0];
    };
    const expected = (lateRate: number) => expectedProbability({ base: 0, distance: 500, lateRate });
    expect(await predict()).toBeCloseTo(expected(0.25), 6);
    world.time.now = DEPARTED + 1;
    expect(await predict()).toBeCloseTo(expected(0.75), 6);
    expect(column(await world.ask(body), 'late_rate')).toEqual([
      [0.75, 'PRESENT'],
      [0.9, 'PRESENT'],
      [0.1, 'PRESENT'],
    ]);
  });
});

describe('online and offline', () => {
  /** Times around the edges: the asked time, the age limit, and their neighbours. */
  const edges = [0, 1, -1, -MAX_AGE, -MAX_AGE - 1, -MAX_AGE + 1, -HOUR, HOUR].map((offset) => DEPARTED + offset);
  const time = fc.constantFrom(...edges);
  const row = fc.record({
    eventTs: time,
    knownTs: time,
    value: fc.option(fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
    deleted: fc.boolean(),
  });

  /** Rule of the point-in-time join by a plain scan. */
  function oracle(rows: readonly FeatureRow[], asOf: number): [unknown, FeatureStatus] {
    const rank = (each: FeatureRow): number[] => [each.eventTs, each.knownTs, each.seq];
    let winner: FeatureRow | undefined;
    for (const candidate of rows) {
      if (candidate.eventTs > asOf || candidate.knownTs > asOf) continue;
      const difference = rank(candidate).map((part, index) => part - (winner ? (rank(winner)[index] ?? 0) : -Infinity));
      if ((difference.find((part) => part !== 0) ?? 0) > 0) winner = candidate;
    }
    if (winner === undefined || winner.deleted === true) return [null, 'NOT_FOUND'];
    if (winner.eventTs < asOf - MAX_AGE) return [null, 'OUTSIDE_MAX_AGE'];
    const value = winner.values['late_rate'] ?? null;
    return [value, value === null ? 'NULL_VALUE' : 'PRESENT'];
  }

  it('agree with the rule on values, statuses and times for 1 000 random entities at the edges of time', async () => {
    const instances = fc.sample(fc.array(row, { maxLength: 6 }), { numRuns: 1_000, seed: 4 });
    let seq = 0;
    const byKey = instances.map((drawn, index) =>
      drawn.map(({ eventTs, knownTs, value, deleted }): FeatureRow => {
        const times = { eventTs, knownTs, seq: (seq += 1) };
        return { ...rate(`k${index}`, deleted ? null : value, times), deleted };
      }),
    );
    const rows = byKey.flat();
    for (const part of [0, 1, 2])
      await world.chunk(
        TRAFFIC,
        rows.filter((each) => each.seq % 3 === part),
      );
    const body = { view: 'origin-traffic', entities: { origin: byKey.map((_rows, index) => `k${index}`) } };
    const expected = byKey.map((each) => oracle(each, DEPARTED));
    expect(new Set(expected.map(([, status]) => status)).size).toBe(4);
    const offline = await world.ask({ ...body, asOf: DEPARTED });
    expect(column(offline, 'late_rate')).toEqual(expected);

    const visible = rows.filter(({ eventTs, knownTs }) => eventTs <= DEPARTED && knownTs <= DEPARTED);
    await world.upsert(TRAFFIC, visible.toReversed());
    expect((await world.ask(body)).body).toEqual({ ...offline.body, source: 'online' });
    // Rows that cannot be seen yet change nothing.
    await world.upsert(TRAFFIC, rows);
    expect((await world.ask(body)).body).toEqual({ ...offline.body, source: 'online' });
  });
});
