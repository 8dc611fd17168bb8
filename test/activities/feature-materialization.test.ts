import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MICROS_PER_DAY, parseIso } from '../../domain/time.js';
import { readHistory } from '../../scoring/feature-history.js';
import type { SqlValue } from '../../store/contracts/tables.js';
import { NOW } from './compute-fixture.js';
import { type FeatureBench, openFeatureBench } from './feature-fixture.js';

const T = parseIso('2024-01-01T00:00:00Z');
const DAY = MICROS_PER_DAY;

const ROWS = {
  dataset: 'visits',
  entity: 'person',
  keys: { person: 'person' },
  features: [
    { name: 'score', expression: 'score' },
    { name: 'wide', expression: 'score', type: 'double' },
    { name: 'whole', expression: 'score', type: 'integer' },
    { name: 'city', expression: 'city' },
    { name: 'open', expression: 'score > 1' },
    { name: 'seen', expression: 'at' },
  ],
  deletes: "city == 'gone'",
};

const WINDOWS = {
  dataset: 'visits',
  entity: 'person',
  keys: { person: 'person' },
  features: [
    { name: 'visits_2d', aggregate: 'count', window: '2d' },
    { name: 'score_7d', aggregate: 'avg', expression: 'score', window: '7d' },
    { name: 'city_7d', aggregate: 'distinct', expression: 'city', window: '7d' },
  ],
  cuts: { every: '1d' },
};

const VISITS = {
  columns: [
    { name: 'person', type: 'integer', nullable: true },
    { name: 'at', type: 'timestamp' },
    { name: 'score', type: 'float', nullable: true },
    { name: 'city', type: 'string', nullable: true },
  ],
  eventTime: 'at',
  keys: ['person'],
};

describe('materialisation', () => {
  let bench: FeatureBench;

  beforeEach(async () => {
    bench = await openFeatureBench();
    await bench.declare('Entity', 'person', { keys: [{ name: 'person', type: 'string' }] });
    await bench.declare('Dataset', 'visits', VISITS);
    await bench.declare('FeatureView', 'facts', ROWS);
    await bench.declare('FeatureView', 'windows', WINDOWS);
  });

  afterEach(async () => {
    await bench.close();
  });

  type Visit = readonly [person: number | null, day: number, score: number | string | null, city: string | null];

  const commit = (visits: readonly Visit[], knownDay: number, replaces = false) =>
    bench.commit(
      'visits',
      `select * from (values ${visits
        .map(([person, day, score, city]) => {
          const number = typeof score === 'string' ? `'${score}'::double` : String(score);
          return `(${String(person)}, ${T + day * DAY}, ${number}, ${city === null ? 'null' : `'${city}'`})`;
        })
        .join(', ')}) t(person, "at", score, city)`,
      { knownTs: T + knownDay * DAY, replaces },
    );

  const without = (rows: readonly Record<string, SqlValue>[], ...columns: string[]) =>
    rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !columns.includes(name))));

  it('keeps each row of a commit in the declared types, skips null keys, and deletes by condition', async () => {
    await commit(
      [
        [5, 1, 0.1, 'a'],
        [null, 1, 9, 'nobody'],
        [6, 1, 2.5, null],
        [6, 2, 3, 'gone'],
        [7, 1, 'nan', 'b'],
        [8, 1, 'inf', 'b'],
        [9, 1, 1e39, 'b'],
      ],
      3,
    );
    expect(await bench.materialize('facts')).toEqual({ chunks: 1, rows: 6, onlineRows: 5 });
    const history = await bench.history('facts');
    const known = T + 3 * DAY;
    expect(history[0]).toMatchObject({
      person: '5',
      event_ts: T + DAY,
      known_ts: known,
      seq: 2 ** 32,
      deleted: false,
      score: Math.fround(0.1),
      wide: 0.1,
      whole: null,
      city: 'a',
      open: false,
      seen: T + DAY,
    });
    const numbers = history.map(({ person, score, wide, whole }) => [person, score, wide, whole]);
    expect(numbers).toEqual([
      ['5', Math.fround(0.1), 0.1, null],
      ['6', 2.5, 2.5, null],
      // What is not a number, not finite, or too large for the type, is missing.
      ['7', null, null, null],
      ['8', null, null, null],
      ['9', null, 1e39, null],
      ['6', 3, 3, 3],
    ]);
    const online = await bench.online('facts');
    expect(online.get('["6"]')).toEqual({ values: {}, eventTs: T + 2 * DAY, deleted: true });
    expect(online.get('["5"]')?.values).toEqual({
      score: Math.fround(0.1),
      wide: 0.1,
      whole: null,
      city: 'a',
      open: false,
      seen: T + DAY,
    });
  });

  it('reads each commit once, and ends as if all had been computed at once, in whatever order rows came', async () => {
    const visit = fc.tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 20 }),
      fc.option(fc.integer({ min: 0, max: 9 })),
      fc.option(fc.constantFrom('a', 'b', 'gone')),
    );
    const history = fc.array(fc.uniqueArray(visit, { minLength: 1, maxLength: 8, selector: ([p, d]) => `${p}/${d}` }), {
      minLength: 2,
      maxLength: 4,
    });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(history, async (commits) => {
        runs += 1;
        const name = `visits-${runs}`;
        const { resource } = (await bench.stores.resources.get('Dataset', 'visits')) ?? {};
        await bench.declare('Dataset', name, resource?.spec ?? {});
        for (const [kind, spec] of [
          ['rows', ROWS],
          ['cuts', WINDOWS],
        ] as const)
          for (const way of ['once', 'often'])
            await bench.declare('FeatureView', `${kind}-${way}-${runs}`, { ...spec, dataset: name });
        for (const [index, visits] of commits.entries()) {
          await bench.commit(
            name,
            `select * from (values ${visits
              .map(([p, d, s, c]) => `(${p}, ${T + d * DAY}, ${String(s)}, ${c === null ? 'null' : `'${c}'`})`)
              .join(', ')}) t(person, "at", score, city)`,
            // Every commit is later than the one before, and some rows come long after they happened.
            { knownTs: T + (5 + index * 7) * DAY },
          );
          for (const kind of ['rows', 'cuts']) await bench.materialize(`${kind}-often-${runs}`);
        }
        for (const kind of ['rows', 'cuts']) {
          await bench.materialize(`${kind}-once-${runs}`);
          const [once, often] = [
            await bench.history(`${kind}-once-${runs}`),
            await bench.history(`${kind}-often-${runs}`),
          ];
          expect(winners(often)).toEqual(winners(once));
          expect(await bench.online(`${kind}-often-${runs}`)).toEqual(await bench.online(`${kind}-once-${runs}`));
        }
      }),
      { numRuns: 3, seed: 21 },
    );
  }, 120_000);

  /** Of each entity and event the row that wins; `seq` tells only by which commit a cut was computed. */
  function winners(rows: readonly Record<string, SqlValue>[]) {
    const last = new Map(rows.map((row) => [`${String(row['person'])}/${String(row['event_ts'])}`, row]));
    return without([...last.values()], 'seq');
  }

  it('computes late rows into the cuts that could have known them, and into no others', async () => {
    await commit(
      Array.from({ length: 60 }, (_unused, day): Visit => [1, day, 1, 'a']),
      0,
    );
    await bench.materialize('windows');
    const before = await bench.history('windows');
    // Day 30 came on day 32: the cut of day 31 was computed without it, and stays so.
    await commit([[2, 30, 8, 'b']], 32);
    const { chunks, rows } = await bench.materialize('windows');
    const state = await bench.stores.features.state('windows');
    expect([chunks, state?.commitSeq]).toEqual([1, 2]);
    const after = (await bench.history('windows')).filter(({ seq }) => seq === 2 * 2 ** 32);
    expect(after.length).toBe(rows);
    expect(after.every(({ event_ts }) => Number(event_ts) >= T + 32 * DAY && Number(event_ts) <= T + 39 * DAY)).toBe(
      true,
    );
    expect(
      after.filter(({ person }) => person === '2').map(({ visits_2d, score_7d }) => [visits_2d, score_7d]),
    ).toEqual([[1, 8], ...Array.from({ length: 5 }, () => [0, 8]), [0, null]]);
    expect(before.length).toBeGreaterThan(60);
  });

  it('starts anew when all rows of the dataset were replaced; readers see the old until the new is complete', async () => {
    await commit(
      [
        [1, 5, 1, 'a'],
        [2, 5, 1, 'a'],
      ],
      6,
    );
    await bench.materialize('facts');
    await commit([[1, 4, 2, 'new']], 7, true);
    const { at } = await bench.computeOnly('facts');
    const half = await bench.history('facts');
    expect(half.map(({ person, city }) => [person, city])).toEqual([
      ['1', 'a'],
      ['2', 'a'],
    ]);
    expect([...(await bench.online('facts')).keys()]).toEqual(['["1"]', '["2"]']);
    await bench.publish(at);
    const gone = T + 7 * DAY;
    expect(
      (await bench.history('facts')).map(({ person, city, known_ts, withdrawn_ts }) => [
        person,
        city,
        known_ts,
        withdrawn_ts,
      ]),
    ).toEqual([
      ['1', 'new', gone, null],
      ['1', 'a', T + 6 * DAY, gone],
      ['2', 'a', T + 6 * DAY, gone],
    ]);
    const frozen = {
      view: 'facts',
      revision: 1,
      keys: [{ key: 'person', type: 'string' as const, request: 'person' }],
      features: ['city'],
      types: {},
      maxAgeMicros: null,
    };
    const asked = async (asOf: number) => {
      const keys = ['["1"]', '["2"]'];
      const rows = await readHistory(
        { ...bench.stores, tables: bench.jobs.context.tables },
        { view: frozen, keys, asOf },
      );
      return keys.flatMap((key) => (rows.has(key) ? [[key, rows.get(key)?.values['city']]] : []));
    };
    expect(await asked(gone - 1)).toEqual([
      ['["1"]', 'a'],
      ['["2"]', 'a'],
    ]);
    expect(await asked(gone)).toEqual([['["1"]', 'new']]);
    // An older event, and yet it replaced the newer one; the other entity is gone.
    const online = await bench.online('facts');
    expect([...online]).toEqual([['["1"]', expect.objectContaining({ eventTs: T + 4 * DAY })]]);
  });

  it('numbers rows that a replacement left as they were as before, and computes nothing twice', async () => {
    await commit(
      [
        [1, 5, 1, 'a'],
        [2, 5, 1, 'a'],
      ],
      6,
    );
    await bench.materialize('facts');
    const before = await bench.history('facts');
    await commit(
      [
        [2, 5, 1, 'a'],
        [1, 5, 1, 'a'],
        [1, 6, 3, 'b'],
      ],
      7,
      true,
    );
    expect(await bench.materialize('facts')).toEqual({ chunks: 1, rows: 3, onlineRows: 2 });
    const after = await bench.history('facts');
    expect(without(after.slice(0, 2), 'withdrawn_ts')).toEqual(before);
    expect(after[2]).toMatchObject({ person: '1', known_ts: T + 7 * DAY, seq: 2 * 2 ** 32 + 2, withdrawn_ts: null });
    // Another meaning of the rows is another history.
    await bench.declare('Dataset', 'visits', { ...VISITS, keys: [] });
    await commit([[1, 5, 1, 'a']], 8, true);
    await bench.materialize('facts');
    expect((await bench.history('facts')).map(({ known_ts }) => known_ts)).toEqual([T + 8 * DAY]);
  });

  it('brings online what a run had kept when it ended, although nothing is left to compute', async () => {
    await commit([[1, 5, 1, 'a']], 6);
    await bench.materialize('facts');
    await commit([[1, 6, 2, 'b']], 7);
    // The run ends between the commit of the chunk and the online write.
    await bench.computeOnly('facts');
    expect((await bench.stores.features.state('facts'))?.commitSeq).toBe(1);
    expect((await bench.online('facts')).get('["1"]')?.eventTs).toBe(T + 5 * DAY);
    expect(await bench.materialize('facts')).toEqual({ chunks: 0, rows: 0, onlineRows: 1 });
    expect((await bench.online('facts')).get('["1"]')?.eventTs).toBe(T + 6 * DAY);
    expect((await bench.stores.features.state('facts'))?.commitSeq).toBe(2);
  });

  it('computes a new revision of a view anew, also where times and commits are the same', async () => {
    await commit([[1, 5, 4, 'a']], 6);
    await bench.materialize('facts');
    const features = [{ name: 'score', expression: 'score * 10' }];
    await bench.declare('FeatureView', 'facts', { ...ROWS, features });
    await expect(bench.history('facts')).rejects.toMatchObject({ code: 'PRN_FEATURE_VIEW_EMPTY' });
    await bench.materialize('facts');
    expect((await bench.online('facts')).get('["1"]')?.values).toEqual({ score: 40 });
    expect((await bench.history('facts')).map(({ score }) => score)).toEqual([40]);
  });

  it('takes a last cut in the future for now', async () => {
    const at = await bench.io.pinMaterialization({ view: 'windows', through: NOW + 400 * DAY }).catch(() => null);
    expect(at).toBeNull();
    await commit([[1, 5, 4, 'a']], 6);
    const pinned = await bench.io.pinMaterialization({ view: 'windows', through: NOW + 400 * DAY });
    expect(pinned.through).toBe(Math.floor(NOW / DAY) * DAY);
    expect((await bench.io.pinMaterialization({ view: 'facts', through: NOW })).through).toBeNull();
  });

  it('gives the same bytes when a chunk is computed twice, and keeps it once', async () => {
    await commit([[1, 5, 4, 'a']], 6);
    const at = await bench.io.pinMaterialization({ view: 'facts', through: null });
    const { chunks } = await bench.io.planMaterialization({ at, limit: 10 });
    const [chunk] = chunks;
    if (chunk === undefined) throw new Error('nothing is planned');
    const [first, second] = [
      await bench.compute.materializeChunk({ at, chunk }),
      await bench.compute.materializeChunk({ at, chunk }),
    ];
    expect(second).toEqual(first);
    expect(first).toMatchObject({ rows: 1, checksum: expect.stringMatching(/^\d+$/) });
    const committed = await bench.io.commitChunk({ chunk: first });
    expect(await bench.io.commitChunk({ chunk: second })).toEqual(committed);
    expect((await bench.stores.features.chunks('facts', 1)).length).toBe(1);
  });
});
