import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AskOptions, csv, document, HOUR, iso, type LocalWorld, openLocalWorld, T } from './local-world.js';

const TRIPS = document('Dataset', 'trips', {
  columns: [
    { name: 'driver', type: 'integer' },
    { name: 'ts', type: 'timestamp' },
    { name: 'fare', type: 'float', nullable: true },
    { name: 'city', type: 'string', nullable: true },
  ],
  eventTime: 'ts',
  keys: ['driver'],
  knowledge: { from: 'event', delay: '1h' },
  maxQuarantined: 0.5,
  expectations: [{ name: 'plausible', expression: 'fare >= 0', action: 'drop' }],
});
const DRIVER = document('Entity', 'driver', { keys: [{ name: 'driver_id', type: 'string' }] });
const LAST_TRIP = document('FeatureView', 'last-trip', {
  dataset: 'trips',
  entity: 'driver',
  keys: { driver_id: 'driver' },
  features: [
    { name: 'fare', expression: 'fare' },
    { name: 'city', expression: 'city' },
    { name: 'dear', expression: 'fare > 20' },
  ],
});
const TRIP_SUMS = document('FeatureView', 'trip-sums', {
  dataset: 'trips',
  entity: 'driver',
  keys: { driver_id: 'driver' },
  cuts: { every: '1h' },
  features: [
    { name: 'fares_1d', aggregate: 'sum', expression: 'fare', window: '1d' },
    { name: 'trips_2h', aggregate: 'count', window: '2h' },
  ],
});
const MARKET = document('FeatureView', 'market', {
  dataset: 'trips',
  features: [{ name: 'last_fare', expression: 'fare' }],
});

const HEADER = ['driver', 'ts', 'fare', 'city'];
const ROWS = [
  [1, iso(T - 4 * HOUR), 10, 'Bern'],
  [1, iso(T - 2 * HOUR), 30, 'Basel'],
  [2, iso(T - 3 * HOUR), 20, null],
];

describe('features historical', () => {
  let world: LocalWorld;
  let trips: string;
  beforeEach(async () => {
    world = await openLocalWorld();
    trips = await world.write('trips.csv', csv(HEADER, ROWS));
  });
  afterEach(() => world.remove());

  const spineOf = (rows: readonly (readonly (string | number | null)[])[]): Promise<string> =>
    world.write('spine.csv', csv(['driver_id', 'event_ts', 'label'], rows));
  const refusal = async (options: AskOptions): Promise<string> =>
    world.ask(options).then(
      () => 'answered',
      (error: unknown) => (error instanceof Error ? error.message.replaceAll(world.folder, '') : ''),
    );

  describe('answers', () => {
    it('keeps rows, order and columns of the spine and appends typed features', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP, TRIP_SUMS, MARKET);
      const spine = await spineOf([
        ['2', iso(T), 0],
        ['1', iso(T), 1],
        ['1', iso(T - 2.5 * HOUR), 1],
        ['9', iso(T), 0],
      ]);
      const { rows, summary } = await world.ask({ spine, tables: { trips } });
      expect(rows).toEqual([
        {
          driver_id: '2',
          event_ts: iso(T),
          label: 0,
          fare: 20,
          city: null,
          dear: false,
          fares_1d: 20,
          trips_2h: 0,
          last_fare: 30,
        },
        {
          driver_id: '1',
          event_ts: iso(T),
          label: 1,
          fare: 30,
          city: 'Basel',
          dear: true,
          fares_1d: 40,
          trips_2h: 1,
          last_fare: 30,
        },
        {
          driver_id: '1',
          event_ts: iso(T - 2.5 * HOUR),
          label: 1,
          fare: 10,
          city: 'Bern',
          dear: false,
          fares_1d: 10,
          trips_2h: 1,
          last_fare: 10,
        },
        {
          driver_id: '9',
          event_ts: iso(T),
          label: 0,
          fare: null,
          city: null,
          dear: null,
          fares_1d: null,
          trips_2h: null,
          last_fare: 30,
        },
      ]);
      expect(Object.keys(rows[0] ?? {})).toEqual([
        'driver_id',
        'event_ts',
        'label',
        ...summary.features.map(({ name }) => name),
      ]);
      expect(summary).toMatchObject({ rows: 4, timeColumn: 'event_ts', warnings: [], knowledge: 'as-known' });
      expect(summary.features.map(({ view, nulls }) => [view, nulls])).toEqual([
        ['last-trip', 1],
        ['last-trip', 2],
        ['last-trip', 1],
        ['trip-sums', 1],
        ['trip-sums', 1],
        ['market', 0],
      ]);
    });

    it('gives exactly the features asked for, in that order (C10), and unknown ones never (C5)', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP, MARKET);
      const spine = await spineOf([['1', iso(T), 0]]);
      const asked = { spine, tables: { trips } };
      const features = ['last-trip:city', 'market', 'last-trip:fare'];
      const named = async (options: Partial<AskOptions>): Promise<string[]> =>
        Object.keys((await world.ask({ ...asked, ...options })).rows[0] ?? {}).slice(3);
      expect(await named({ features: ['last-trip:city'] })).toEqual(['city']);
      expect(await named({ features })).toEqual(['city', 'fare', 'last_fare']);
      expect(await named({ features, fullNames: true })).toEqual([
        'last_trip__city',
        'last_trip__fare',
        'market__last_fare',
      ]);
      expect(await refusal({ ...asked, features: ['last-trip:driver'] })).toBe(
        'Feature view last-trip has no feature driver; it has fare, city, dear.',
      );
      expect(await refusal({ ...asked, features: ['last-trip:citty'] })).toMatch(/did you mean "city"/);
      expect(await refusal({ ...asked, features: ['lasttrip'] })).toMatch(
        /No FeatureView named lasttrip exists \(did you mean "last-trip"\?\)/,
      );
    });

    it('refuses two columns of one name, unless full names tell them apart (C23)', async () => {
      const twin = document('FeatureView', 'first-trip', { ...Object(Reflect.get(LAST_TRIP, 'spec')) });
      await world.declare(TRIPS, DRIVER, LAST_TRIP, twin);
      const asked = { spine: await spineOf([['1', iso(T), 0]]), tables: { trips } };
      expect(await refusal(asked)).toMatch(
        /Several features would be called fare: last-trip and first-trip have one each/,
      );
      expect(Object.keys((await world.ask({ ...asked, fullNames: true })).rows[0] ?? {})).toContain('first_trip__dear');
      const taken = await world.write('spine2.csv', csv(['driver_id', 'event_ts', 'FARE'], [['1', iso(T), 0]]));
      expect(await refusal({ ...asked, spine: taken, features: ['last-trip'] })).toMatch(
        /its column fare has the name of a feature/,
      );
    });

    it('names all missing keys at once (C29) and what a file must have for a time', async () => {
      const pair = document('Entity', 'pair', {
        keys: [
          { name: 'driver_id', type: 'string' },
          { name: 'city', type: 'string' },
        ],
      });
      const view = document('FeatureView', 'by-city', {
        dataset: 'trips',
        entity: 'pair',
        keys: { driver_id: 'driver', city: 'city' },
        features: [{ name: 'f', expression: 'fare' }],
      });
      await world.declare(TRIPS, pair, view);
      const tables = { trips };
      const file = async (content: string): Promise<string> =>
        refusal({ spine: await world.write('s.csv', content), tables });
      expect(await file('driverid,event_ts\n1,2024-01-01\n')).toBe(
        'Entity keys driver_id (of pair) (did you mean "driverid"?), city (of pair) are missing; the features need driver_id, city; /s.csv has the columns driverid, event_ts.',
      );
      expect(await file('driver_id,city\n1,x\n')).toMatch(/no column says when each row is asked/);
      expect(await file('driver_id,city,a,b\n1,x,2024-01-01,2024-01-02\n')).toMatch(
        /columns a, b all hold times; choose one with --time/,
      );
      expect(await file('driver_id,city,whenever\n1,x,2024-03-01\n')).toBe('answered');
      expect(
        await refusal({
          spine: await world.write('s.csv', 'driver_id,city,event_ts\n1,x,1\n'),
          tables,
          timeColumn: 'event_t',
        }),
      ).toMatch(/it has no column event_t \(did you mean "event_ts"\?\) \(--time\)/);
    });

    it('counts keys and times that are missing or do not fit, and keeps their rows (X3)', async () => {
      await world.declare(
        TRIPS,
        document('Entity', 'driver', { keys: [{ name: 'driver_id', type: 'integer' }] }),
        LAST_TRIP,
      );
      const spine = await spineOf([
        ['1', iso(T), 0],
        ['one', iso(T), 0],
        ['1.5', iso(T), 0],
        [null, iso(T), 0],
        ['1', 'yesterday', 0],
        ['1', null, 0],
        ['1.0', iso(T), 0],
      ]);
      const { rows, summary } = await world.ask({ spine, tables: { trips } });
      expect(rows.map(({ driver_id, fare }) => [driver_id, fare])).toEqual([
        ['1', 30],
        ['one', null],
        ['1.5', null],
        [null, null],
        ['1', null],
        ['1', null],
        ['1.0', 30],
      ]);
      expect(summary.spine).toEqual([
        { column: 'event_ts', missing: 1, unfit: 1 },
        { column: 'driver_id', missing: 1, unfit: 2 },
      ]);
    });

    it('finds 32-bit, 64-bit, float and text keys of a Parquet spine alike (C2, C24)', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      for (const type of ['integer', 'bigint', 'double', 'varchar', 'utinyint']) {
        const spine = await world.table(
          'spine.parquet',
          `select 1::${type} as driver_id, ${T}::bigint as event_ts, null as nothing`,
        );
        const { rows } = await world.ask({ spine, tables: { trips }, features: ['last-trip:city'] });
        expect([type, rows[0]]).toEqual([
          type,
          { driver_id: type === 'varchar' ? '1' : 1, event_ts: T, nothing: null, city: 'Basel' },
        ]);
      }
    });

    it('reads times as microseconds or ISO 8601, naive ones in UTC, folds by their offset (X7)', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      // The clocks of Zurich showed 02:30 twice on 27 October 2024.
      const fold = [
        [1, '2024-10-27T02:30:00+02:00', 1, 'first'],
        [1, '2024-10-27T02:30:00+01:00', 2, 'second'],
      ];
      const table = await world.write('fold.csv', csv(HEADER, fold));
      const instant = Date.UTC(2024, 9, 27, 1, 30) * 1_000;
      const spine = await spineOf([
        ['1', '2024-10-27T02:30:00', 0],
        ['1', '2024-10-27 02:30', 0],
        ['1', '2024-10-27T02:29:59.999999Z', 0],
        ['1', '2024-10-27T03:30+01:00', 0],
        ['1', String(instant + HOUR), 0],
        ['1', String(instant + HOUR - 1), 0],
      ]);
      const { rows } = await world.ask({ spine, tables: { trips: table } });
      expect(rows.map(({ city }) => city)).toEqual(['second', 'second', 'first', 'second', 'second', 'first']);
    });

    it('says so where whole numbers are probably seconds', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      const { summary } = await world.ask({ spine: await spineOf([['1', 1_700_000_000, 0]]), tables: { trips } });
      expect(summary.warnings).toContainEqual(
        expect.stringMatching(/^All times in event_ts lie in 1970: whole numbers are read as microseconds/),
      );
    });

    it('shows rows known at commit to nobody of the past, and says what to declare', async () => {
      const spec = { ...Object(Reflect.get(TRIPS, 'spec')), knowledge: { from: 'commit' } };
      await world.declare(document('Dataset', 'trips', spec), DRIVER, LAST_TRIP);
      const asked = { spine: await spineOf([['1', iso(T), 0]]), tables: { trips } };
      const { rows, summary } = await world.ask(asked);
      expect(rows[0]).toMatchObject({ fare: null });
      expect(summary.warnings).toEqual([
        expect.stringMatching(/^3 of 3 rows of trips are invisible .*knowledge: \{from: event, delay: 1h\}/),
      ]);
      const latest = await world.ask({ ...asked, knowledge: 'latest' });
      expect(latest.rows[0]).toMatchObject({ fare: 30 });
      expect(latest.summary.warnings).toEqual([expect.stringMatching(/^LEAK: /)]);
    });

    it('takes files as commits in their order: a restatement is known from now on', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP, TRIP_SUMS);
      const again = await world.write('again.csv.gz', gzipSync(csv(HEADER, [[1, iso(T - 2 * HOUR), 99, 'Basel']])));
      const asked = { spine: await spineOf([['1', iso(T), 0]]), tables: { trips: [trips, again] } };
      const { rows, summary } = await world.ask(asked);
      expect(rows[0]).toMatchObject({ fare: 30, fares_1d: 40 });
      expect(summary.warnings).toEqual([
        expect.stringMatching(/^1 of 4 rows of trips became known only after .*A later --table|^1 of 4 rows.*restates/),
      ]);
      expect((await world.ask({ ...asked, knowledge: 'latest' })).rows[0]).toMatchObject({ fare: 99, fares_1d: 109 });
      const { rows: future } = await world.ask({ ...asked, spine: await spineOf([['1', '2026-06-01', 0]]) });
      expect(future[0]).toMatchObject({ fare: 99 });
    });

    it('reads a dataset that is a query over the tables', async () => {
      const busy = document('Dataset', 'busy', {
        columns: [
          { name: 'driver', type: 'integer' },
          { name: 'ts', type: 'timestamp' },
          { name: 'sum', type: 'float' },
          { name: 'known', type: 'timestamp' },
        ],
        eventTime: 'ts',
        knowledge: { from: 'column', column: 'known' },
        query: {
          sql: 'select driver, max(ts) as ts, sum(fare) as sum, max(known_ts) as known from t group by driver',
          from: { t: 'trips' },
        },
      });
      const view = document('FeatureView', 'busyness', {
        dataset: 'busy',
        entity: 'driver',
        keys: { driver_id: 'driver' },
        features: [{ name: 'total', expression: 'sum' }],
      });
      await world.declare(TRIPS, DRIVER, busy, view);
      const spine = await spineOf([
        ['1', iso(T), 0],
        ['1', iso(T - 90 * 60 * 1_000_000), 0],
      ]);
      expect((await world.ask({ spine, tables: { trips } })).rows.map(({ total }) => total)).toEqual([40, null]);
    });

    it('sets bad rows aside and tells how many and why', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      const table = await world.write(
        'bad.csv',
        csv(HEADER, [...ROWS, [1, iso(T - HOUR), -5, 'x'], ['x', iso(T), 1, 'x']]),
      );
      const { rows, summary } = await world.ask({ spine: await spineOf([['1', iso(T), 0]]), tables: { trips: table } });
      expect(rows[0]).toMatchObject({ fare: 30 });
      expect(summary.tables).toEqual([expect.objectContaining({ accepted: 3, quarantined: 2 })]);
      expect(summary.tables[0]?.problems).toEqual([
        expect.stringMatching(/^driver-is-integer: 1 of 5 rows/),
        expect.stringMatching(/^plausible: 1 of 5 rows/),
      ]);
    });
  });

  describe('of a model', () => {
    const endpoint = document('Endpoint', 'fares', {});
    const model = document('Model', 'fares', {
      task: 'binary',
      endpoint: 'fares',
      spine: { dataset: 'rides', keys: ['from_driver', 'to_driver'], eventTime: 'asked_ts' },
      label: { expression: 'distance > 1', availableAfter: '1h' },
      features: [
        { request: 'distance' },
        { view: 'last-trip', feature: 'fare', as: 'giver', keys: { driver_id: 'from_driver' } },
        { view: 'last-trip', as: 'taker', keys: { driver_id: 'to_driver' } },
        { name: 'per_mile', expression: 'giver__fare / distance' },
        { name: 'hour', expression: 'hour_of(asked_ts)' },
      ],
      split: { holdout: '1d' },
      trainer: { kind: 'gbdt' },
    });
    const rides = document('Dataset', 'rides', {
      columns: [
        { name: 'from_driver', type: 'integer' },
        { name: 'to_driver', type: 'integer' },
        { name: 'asked_ts', type: 'timestamp' },
        { name: 'distance', type: 'float' },
      ],
      eventTime: 'asked_ts',
    });
    const spine = (columns: readonly string[], row: readonly (string | number)[]): Promise<string> =>
      world.write('rides.csv', csv(columns, [row]));

    it('reads one view by two keys, and computes what the graph would compute', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP, rides, endpoint, model);
      const file = await spine(['from_driver', 'to_driver', 'asked_ts', 'distance'], [1, 2, iso(T + HOUR), 7]);
      const { rows } = await world.ask({ spine: file, tables: { trips }, model: 'fares' });
      expect(rows).toEqual([
        {
          from_driver: '1',
          to_driver: '2',
          asked_ts: iso(T + HOUR),
          distance: 7,
          giver__fare: 30,
          taker__fare: 20,
          taker__city: null,
          taker__dear: false,
          per_mile: Math.fround(30 / 7),
          hour: 13,
        },
      ]);
    });

    it('names the request columns that are missing (C6), before any table is read', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP, rides, endpoint, model);
      const file = await spine(['from_driver', 'to_driver', 'asked_ts'], [1, 2, iso(T)]);
      expect(await refusal({ spine: file, tables: { trips: '/nowhere.csv' }, model: 'fares' })).toBe(
        'Request field distance is missing; the model needs distance, asked_ts.',
      );
    });
  });

  describe('files', () => {
    it('gives the same bytes for any number of threads and any order of the rows of a table (X5)', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP, TRIP_SUMS);
      const many = `select i % 997 as driver, make_timestamp(${T} - (i * 7919 % 86400) * 1000000) as ts, (i % 100)::double / 8 as fare, 'c' || i % 7 as city from range(150000) t(i)`;
      const table = await world.table('trips.parquet', many);
      const shuffled = await world.table('shuffled.parquet', `select * from (${many}) order by hash(ts, driver, fare)`);
      const questions = `select i as id, i % 1000 as driver_id, make_timestamp(${T} - (i % 5000) * 1000000) as asked from range(150000) t(i)`;
      const spine = await world.table('spine.parquet', questions);
      const digests = new Set<string>();
      for (const [threads, file] of [
        [1, table],
        [2, table],
        [4, shuffled],
      ] as const) {
        const out = join(world.folder, 'out.parquet');
        const { summary } = await world.ask({ spine, tables: { trips: file }, threads, out });
        expect(summary.rows).toBe(150_000);
        digests.add(summary.output.sha256);
      }
      expect(digests.size).toBe(1);
    });

    it('gives the same values in every format (C8)', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP, TRIP_SUMS);
      const spine = await spineOf([
        ['1', iso(T), 0],
        ['9', iso(T), 1],
      ]);
      const asked = { spine, tables: { trips } };
      const { rows } = await world.ask(asked);
      for (const ending of ['parquet', 'ndjson', 'csv', 'tsv']) {
        const out = join(world.folder, `out.${ending}`);
        await world.ask({ ...asked, out });
        const read = { parquet: 'read_parquet', ndjson: 'read_ndjson' }[ending] ?? 'read_csv';
        const options = ending.endsWith('sv') ? ", types = {'driver_id': 'varchar', 'event_ts': 'varchar'}" : '';
        const times = ending === 'ndjson' ? ` replace (strftime(event_ts, '%Y-%m-%dT%H:%M:%S.%gZ') as event_ts)` : '';
        const back = await world.table('back.json', `select *${times} from ${read}('${out}'${options})`);
        const lines = (await readFile(back, 'utf8')).trim().split('\n');
        expect([ending, lines.map((line) => JSON.parse(line) as unknown)]).toEqual([ending, rows]);
      }
    });

    it('keeps a spine of text as it is in text, and types plain numbers where the output has types', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      const spine = await world.write(
        's.csv',
        'driver_id,event_ts,code,score,ok,note\n1,2024-03-01T12:00:00Z,007,1.50,true,"a, ""b"""\n',
      );
      const out = join(world.folder, 'out.csv');
      await world.ask({ spine, tables: { trips }, out, features: ['last-trip:city'] });
      expect(await readFile(out, 'utf8')).toBe(
        'driver_id,event_ts,code,score,ok,note,city\n1,2024-03-01T12:00:00Z,007,1.50,true,"a, ""b""",Basel\n',
      );
      const { rows } = await world.ask({ spine, tables: { trips }, features: ['last-trip:city'] });
      expect(rows).toEqual([
        {
          driver_id: '1',
          event_ts: '2024-03-01T12:00:00Z',
          code: '007',
          score: 1.5,
          ok: true,
          note: 'a, "b"',
          city: 'Basel',
        },
      ]);
    });

    it('loses nothing of odd columns: huge numbers, mixed JSON, NaN where JSON has no word, names of the join', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      const kept = async (spine: string): Promise<unknown> => {
        const { rows } = await world.ask({ spine, tables: { trips }, features: ['last-trip:city'] });
        const known = ['driver_id', 'event_ts', 'city'];
        return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !known.includes(name))));
      };
      const huge = 'driver_id,event_ts,id,size\n1,2024-03-01,9007199254740993,1\n1,2024-03-01,9007199254740992,\n';
      expect(await kept(await world.write('s.csv', huge))).toEqual([
        { id: '9007199254740993', size: 1 },
        { id: '9007199254740992', size: null },
      ]);
      const mixed = [
        { driver_id: 1, event_ts: '2024-03-01', m: 1, deep: { a: [1] }, text: 'x' },
        { driver_id: '1', event_ts: T, m: 'one', deep: null, text: '1' },
      ];
      expect(await kept(await world.write('s.json', JSON.stringify(mixed)))).toEqual([
        { m: 1, deep: { a: [1] }, text: 'x' },
        { m: 'one', deep: null, text: '1' },
      ]);
      const odd = `select 1 as driver_id, ${T}::bigint as event_ts, 'NaN'::double as n, 'Infinity'::real as i, 0.5::real as f`;
      expect(await kept(await world.table('s.parquet', odd))).toEqual([{ n: null, i: null, f: 0.5 }]);
      const own = await world.table('s.parquet', `select 1 as driver_id, ${T}::bigint as event_ts, 1 as ":row"`);
      expect(await refusal({ spine: own, tables: { trips } })).toMatch(/column :row begins with a colon/);
    });

    it('takes an empty spine, and paths with spaces and other letters; makes the folder of the output', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      await mkdir(join(world.folder, 'mes données'));
      const spine = await world.write('mes données/spine é.csv', 'driver_id,event_ts\n');
      const out = join(world.folder, 'nouveau dossier', 'réponse.json');
      const { rows, summary } = await world.ask({ spine, tables: { trips }, out });
      expect([rows, summary.rows]).toEqual([[], 0]);
    });

    it('leaves an older answer and no other trace where it refuses', async () => {
      await world.declare(TRIPS, DRIVER, LAST_TRIP);
      const out = await world.write('out.json', 'older');
      // Other tests keep their folders in the usual one meanwhile.
      const temporary = join(world.folder, 'temporary');
      await mkdir(temporary);
      vi.stubEnv('TMPDIR', temporary);
      const spine = await spineOf([['1', iso(T), 0]]);
      const asked = { spine, out };
      const tables = async (content: string | Uint8Array, name = 'bad.csv'): Promise<string> =>
        refusal({ ...asked, tables: { trips: await world.write(name, content) } });
      expect(await tables('driver,ts,fare,city\n1,2024-01-01,2,x\n1,2\n')).toMatch(
        /bad\.csv is not readable as csv, line 3/,
      );
      expect(await tables('driver,ts\n1,2024-01-01\n')).toMatch(
        /does not fit dataset trips: column fare, city is missing/,
      );
      expect(await tables('driver,ts,fare,city\nx,y,z,\n')).toMatch(/1 of 1 rows would be quarantined, more than 50 %/);
      expect(await tables('garbage', 'bad.parquet')).toMatch(/bad\.parquet is not readable as parquet/);
      expect(await tables(gzipSync('driver,ts').subarray(0, 12), 'bad.csv.gz')).toMatch(/damaged or cut short/);
      expect(await refusal({ ...asked, tables: { trips: join(world.folder, 'none.csv') } })).toMatch(
        /none\.csv does not exist/,
      );
      expect(await refusal({ ...asked, tables: { trip: trips } })).toMatch(
        /No Dataset named trip exists \(did you mean "trips"\?\)/,
      );
      expect(await refusal({ ...asked, tables: {}, features: ['last-trip'] })).toMatch(
        /trips has no committed version; give one with --table trips=FILE/,
      );
      expect(await refusal({ ...asked, tables: { trips }, spine: join(world.folder, 'none.csv') })).toMatch(
        /none\.csv does not exist/,
      );
      expect(await readFile(out, 'utf8')).toBe('older');
      await mkdir(join(world.folder, 'folder.json'));
      expect(await refusal({ spine, tables: { trips }, out: join(world.folder, 'folder.json') })).toMatch(
        /folder\.json cannot be written: /,
      );
      vi.unstubAllEnvs();
      expect(await readdir(temporary)).toEqual([]);
      expect((await readdir(world.folder)).filter((name) => name.includes('partial'))).toEqual([]);
    });

    it('names file and line of a resource that does not fit', async () => {
      const spine = await spineOf([['1', iso(T), 0]]);
      await world.declare(
        TRIPS,
        DRIVER,
        document('FeatureView', 'v', { dataset: 'trps', features: [{ name: 'f', expression: 'fare' }] }),
      );
      expect(await refusal({ spine, tables: { trips } })).toMatch(
        /^\/resources\.yaml:\d+, FeatureView v, spec\.dataset: refers to Dataset trps.*did you mean "trips"/,
      );
      await world.declare(TRIPS, TRIPS);
      expect(await refusal({ spine, tables: { trips } })).toMatch(
        /resources\.yaml:\d+: Dataset trips is declared in \/resources\.yaml:1 already/,
      );
      await writeFile(join(world.folder, 'resources.yaml'), 'a: [');
      expect(await refusal({ spine, tables: { trips } })).toMatch(/^\/resources\.yaml: /);
    });
  });
});
