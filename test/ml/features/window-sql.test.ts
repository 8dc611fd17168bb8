import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetSpec } from '../../../domain/dataset.js';
import { durationMicros } from '../../../domain/duration.js';
import {
  FeatureViewSpec,
  longestWindowMicros,
  requireWindowedView,
  type WindowedView,
} from '../../../domain/feature-view.js';
import { MICROS_PER_DAY, MICROS_PER_HOUR } from '../../../domain/time.js';
import { cutAtOrAfter } from '../../../ml/features/cut-planning.js';
import { datasetRelation, type SegmentFile } from '../../../ml/features/dataset-sql.js';
import { FIRST_ROW_OF_COMMIT } from '../../../ml/features/feature-row-sql.js';
import { windowedFeatures } from '../../../ml/features/window-sql.js';
import type { SqlValue, TableEngine } from '../../../store/contracts/tables.js';
import { openTableEngine } from '../../../store/tables/engine.js';
import { groupBy, type OracleRow, windowOracle } from './window-oracle.js';

const START = 400 * MICROS_PER_DAY;
const dataset = DatasetSpec.parse({
  columns: [
    { name: 'key', type: 'string', nullable: true },
    { name: 'id', type: 'integer' },
    { name: 'ts', type: 'timestamp' },
    { name: 'x', type: 'float', nullable: true },
    { name: 'flag', type: 'boolean', nullable: true },
    { name: 'label', type: 'string', nullable: true },
  ],
  eventTime: 'ts',
  keys: ['id'],
});

let folder: string;
let tables: TableEngine;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-windows-'));
  tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') });
});

afterAll(async () => {
  await tables.close();
  await rm(folder, { recursive: true, force: true });
});

function viewOf(spec: object): WindowedView {
  return requireWindowedView('v', FeatureViewSpec.parse({ dataset: 'd', ...spec }));
}

/** Writes each commit as a segment. */
async function segmentsOf(rows: readonly OracleRow[]): Promise<SegmentFile[]> {
  const commits = groupBy(rows, ({ commit }) => commit);
  const written: SegmentFile[] = [];
  for (const [commitSeq, members] of [...commits].sort(([left], [right]) => left - right)) {
    const path = join(folder, `segment-${(files += 1)}.parquet`);
    const lines = members.map(
      ({ key, id, ts, x, flag, label, known, seq }) =>
        `(${[`'${key}'`, id, ts, x, flag, label === null ? null : `'${label}'`, known, seq].map(String).join(', ')})`,
    );
    await tables.use((session) =>
      session.execute(
        `copy (select key::varchar as key, id::bigint as id, ts::bigint as ts, x::double as x, flag::boolean as flag,
          label::varchar as label, known::bigint as __known_ts, seq::bigint as __seq
          from (values ${lines.join(', ')}) t(key, id, ts, x, flag, label, known, seq)) to '${path}' (format parquet)`,
      ),
    );
    written.push({ path, commitSeq, commitKnownTs: members[0]?.commitKnown ?? 0 });
  }
  return written;
}

interface Range {
  readonly fromCut: number;
  readonly toCut: number;
  readonly latest?: boolean;
}

function sqlOf(
  view: WindowedView,
  segments: readonly SegmentFile[],
  { fromCut, toCut, latest = false }: Range,
): string {
  const rows = datasetRelation(dataset, segments);
  const knowledge = latest ? 'latest' : 'at-cut';
  return windowedFeatures({ view, dataset, rows, fromCut, toCut, commitSeq: 9, knowledge });
}

async function compute(
  view: WindowedView,
  segments: readonly SegmentFile[],
  range: Range,
): Promise<Record<string, SqlValue>[]> {
  return tables.use((session) => session.rows(sqlOf(view, segments, range)));
}

const FEATURES = [
  { aggregate: 'count' },
  { aggregate: 'count', expression: 'flag' },
  { aggregate: 'rate', expression: 'x > 2' },
  { aggregate: 'sum', expression: 'x' },
  { aggregate: 'avg', expression: 'x' },
  { aggregate: 'min', expression: 'x' },
  { aggregate: 'max', expression: 'x' },
  { aggregate: 'stddev', expression: 'x' },
  { aggregate: 'last', expression: 'x' },
  { aggregate: 'distinct', expression: 'label' },
  { aggregate: 'distinct', expression: 'x' },
];

const anyView = fc.record({
  features: fc.array(
    fc.record({ kind: fc.constantFrom(...FEATURES), window: fc.constantFrom('1h', '3h', '1d', '7d', '90d') }),
    { minLength: 1, maxLength: 6 },
  ),
  every: fc.constantFrom('1h', '6h', '1d'),
  offset: fc.constantFrom('0s', '30m'),
  lag: fc.constantFrom('0s', '1h', '25m'),
  servingDelay: fc.constantFrom('0s', '5m'),
  keyed: fc.boolean(),
});

/** Times on a grid of half hours, so that rows fall exactly on cuts and on the ends of windows too. */
const anyRow = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  id: fc.integer({ min: 0, max: 12 }),
  step: fc.integer({ min: 0, max: 200 }),
  jitter: fc.constantFrom(0, 0, 1, -1, 977),
  x: fc.option(fc.integer({ min: -20, max: 20 }).map((value) => value / 4)),
  flag: fc.option(fc.boolean()),
  label: fc.option(fc.constantFrom('u', 'v', 'w')),
  declared: fc.option(fc.integer({ min: 0, max: 10 })),
  commit: fc.integer({ min: 1, max: 4 }),
});

const HALF_HOUR = MICROS_PER_HOUR / 2;
const anyRows = fc.array(anyRow, { minLength: 1, maxLength: 60 }).map((drawn): OracleRow[] =>
  drawn.map(({ step, jitter, declared, commit, ...row }, seq) => {
    const ts = START + step * HALF_HOUR + jitter;
    // Commits come through the whole time; some rows declare an earlier or later knowledge.
    const known = declared === null ? null : ts + declared * HALF_HOUR;
    return { ...row, ts, known, commit, commitKnown: START + commit * 50 * HALF_HOUR, seq };
  }),
);

describe('windowed features', () => {
  it('are what every cut finds when it looks at every row: any aggregates, windows, lag, restatements and gaps', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(anyView, anyRows, fc.boolean(), async (drawn, rows, latest) => {
        const { every, offset, lag, servingDelay, keyed } = drawn;
        const features = drawn.features.map(({ kind, window }, index) => ({ name: `f${index}`, window, ...kind }));
        const keys = keyed ? { entity: 'e', keys: { key: 'key' } } : {};
        const view = viewOf({ features, cuts: { every, offset }, lag, servingDelay, ...keys });
        const fromCut = cutAtOrAfter(view, START + 20 * HALF_HOUR);
        const cuts = Math.min(60, Math.ceil((5 * MICROS_PER_DAY) / durationMicros(every)));
        const range = { fromCut, toCut: fromCut + cuts * durationMicros(every), latest };
        const got = await compute(view, await segmentsOf(rows), range);
        const wanted = windowOracle(view, rows, range).map((row) => ({
          ...row,
          seq: 9 * FIRST_ROW_OF_COMMIT,
          deleted: false,
        }));
        compared += wanted.length;
        expect(got).toEqual(wanted);
      }),
      { numRuns: 100, seed: 4 },
    );
    expect(compared).toBeGreaterThan(2_000);
  }, 120_000);

  it('do not depend on where the cuts are split into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, fc.integer({ min: 4, max: 40 }), async (rows, cutsPerChunk) => {
        const view = viewOf({
          entity: 'e',
          keys: { key: 'key' },
          features: FEATURES.map((kind, index) => ({
            name: `f${index}`,
            window: index % 2 === 0 ? '6h' : '1d',
            ...kind,
          })),
          cuts: { every: '1h' },
        });
        const segments = await segmentsOf(rows);
        const [fromCut, toCut] = [START, START + 60 * MICROS_PER_HOUR];
        const parts: Record<string, SqlValue>[] = [];
        for (let from = fromCut; from <= toCut; from += cutsPerChunk * MICROS_PER_HOUR) {
          const to = Math.min(toCut, from + (cutsPerChunk - 1) * MICROS_PER_HOUR);
          parts.push(...(await compute(view, segments, { fromCut: from, toCut: to })));
        }
        expect(parts).toEqual(await compute(view, segments, { fromCut, toCut }));
      }),
      { numRuns: 8, seed: 7 },
    );
  }, 60_000);

  it('give the same bytes with one thread and with two, and in every run', async () => {
    const view = viewOf({
      entity: 'e',
      keys: { key: 'key' },
      features: FEATURES.map((kind, index) => ({ name: `f${index}`, window: '7d', ...kind })),
      cuts: { every: '1d' },
    });
    const path = join(folder, 'many.parquet');
    await tables.use((session) =>
      session.execute(`copy (select 'key-' || (hash(i) % 500) as key, i as id, ${START} + (hash(i * 3) % 2592000000000)::bigint as ts,
        case when i % 13 > 0 then (hash(i * 5) % 100000) / 1000.0 - 30 end as x, i % 3 = 0 as flag, 'l' || (i % 7) as label,
        null::bigint as __known_ts, i as __seq from range(60000) t(i)) to '${path}' (format parquet)`),
    );
    const range = { fromCut: START + 7 * MICROS_PER_DAY, toCut: START + 30 * MICROS_PER_DAY };
    const sql = sqlOf(view, [{ path, commitSeq: 1, commitKnownTs: START }], range);
    const bytes: Buffer[] = [];
    for (const threads of [1, 2, 2]) {
      const engine = await openTableEngine({
        dataDirectories: [folder],
        spillDirectory: join(folder, 'spill'),
        threads,
      });
      const out = join(folder, `out-${bytes.length}.parquet`);
      await engine.use((session) => session.execute(`copy (${sql}) to '${out}' (format parquet)`));
      await engine.close();
      bytes.push(await readFile(out));
    }
    expect(bytes[0]?.length).toBeGreaterThan(100_000);
    expect(bytes.slice(1).every((each) => bytes[0]?.equals(each) === true)).toBe(true);
  }, 60_000);

  it('sum up in as many tiles for ninety days as for one: long windows stay cheap', async () => {
    const rows = Array.from({ length: 3_000 }, (_unused, index): OracleRow => {
      const ts = START + index * (MICROS_PER_HOUR / 2) + 17;
      return {
        key: 'a',
        id: index,
        ts,
        x: 1,
        flag: true,
        label: 'u',
        known: ts,
        commit: 1,
        commitKnown: START,
        seq: index,
      };
    });
    const segments = await segmentsOf(rows);
    /** How many changes of running sums the windows cost: two for each tile that is seen. */
    const changes = async (window: string): Promise<number> => {
      const view = viewOf({
        entity: 'e',
        keys: { key: 'key' },
        features: [{ name: 'n', aggregate: 'sum', expression: 'x', window }],
        cuts: { every: '1d' },
      });
      const sql = sqlOf(view, segments, { fromCut: START, toCut: START + 200 * MICROS_PER_DAY });
      const counted = sql.slice(0, sql.indexOf('running as')).replace(/,\s*$/, '');
      const [row] = await tables.use((session) => session.rows(`${counted} select count(*) as n from changes`));
      return Number(row?.['n']);
    };
    // 63 days of rows are 63 tiles of a day, each of which comes and goes once.
    expect([await changes('1d'), await changes('30d'), await changes('90d')]).toEqual([126, 126, 126]);
  });

  it('count numbers that no sum can hold exactly, and values that are not finite, as missing', async () => {
    const path = join(folder, 'extremes.parquet');
    const values = ["'nan'::double", "'inf'::double", "'-inf'::double", '1e300', '-1e300', '1e39', '2.5'];
    const lines = values.map(
      (value, index) => `('k', ${index}, ${START + index}, ${value}, true, 'l', null, ${index})`,
    );
    await tables.use((session) =>
      session.execute(`copy (select key::varchar as key, id::bigint as id, ts::bigint as ts, x::double as x, flag, label::varchar as label,
        known::bigint as __known_ts, seq::bigint as __seq from (values ${lines.join(', ')}) t(key, id, ts, x, flag, label, known, seq))
        to '${path}' (format parquet)`),
    );
    const names = ['sum', 'avg', 'stddev', 'min', 'max', 'last', 'distinct'] as const;
    const view = viewOf({
      entity: 'e',
      keys: { key: 'key' },
      features: names.map((aggregate) => ({ name: aggregate, aggregate, expression: 'x', window: '1h' })),
      cuts: { every: '1h' },
    });
    const cut = START + MICROS_PER_HOUR;
    const [row] = await compute(view, [{ path, commitSeq: 1, commitKnownTs: 0 }], { fromCut: cut, toCut: cut });
    // ±1e300 and 1e39 are finite doubles: they count as values, but 32 bits cannot hold them as least and greatest.
    expect(row).toMatchObject({ sum: 2.5, avg: 2.5, stddev: 0, min: null, max: null, last: 2.5, distinct: 4 });
    expect(longestWindowMicros(view)).toBe(MICROS_PER_HOUR);
  });
});
