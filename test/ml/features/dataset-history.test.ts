import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetSpec } from '../../../domain/dataset.js';
import { FeatureViewSpec, requireWindowedView } from '../../../domain/feature-view.js';
import { MICROS_PER_DAY as DAY } from '../../../domain/time.js';
import { datasetRelation, type SegmentFile } from '../../../ml/features/dataset-sql.js';
import { windowedFeatures } from '../../../ml/features/window-sql.js';
import type { TableEngine } from '../../../store/contracts/tables.js';
import { openTableEngine } from '../../../store/tables/engine.js';

/** Days: event and declared known time. */
type Row = readonly [shop: string, day: number, price: number | null, known: number | null];

const COLUMNS = [
  { name: 'shop', type: 'string' },
  { name: 'ts', type: 'timestamp' },
  { name: 'price', type: 'float', nullable: true },
];
const KEYED = DatasetSpec.parse({ columns: COLUMNS, eventTime: 'ts', keys: ['shop'], mode: 'replace' });
const KEYLESS = DatasetSpec.parse({ columns: COLUMNS, eventTime: 'ts', mode: 'replace' });

let folder: string;
let tables: TableEngine;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-history-'));
  tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') });
});

afterAll(async () => {
  await tables.close();
  await rm(folder, { recursive: true, force: true });
});

/** Each version replaces the one before; it was committed on the day given. */
async function versions(...given: readonly { day: number; rows: readonly Row[] }[]): Promise<SegmentFile[]> {
  const segments: SegmentFile[] = [];
  for (const [index, { day, rows }] of given.entries()) {
    const path = join(folder, `segment-${(files += 1)}.parquet`);
    const lines = rows.map(([shop, at, price, known], seq) => {
      return `('${shop}', ${at * DAY}, ${String(price)}, ${known === null ? 'null' : known * DAY}, ${seq})`;
    });
    await tables.use((session) =>
      session.execute(
        `copy (select shop::varchar as shop, ts::bigint as ts, price::double as price, known::bigint as __known_ts,
          seq::bigint as __seq from (values ${lines.join(', ')}) t(shop, ts, price, known, seq)) to '${path}' (format parquet)`,
      ),
    );
    const next = given[index + 1]?.day;
    const replaced = next === undefined ? {} : { replacedTs: next * DAY };
    segments.push({ path, commitSeq: index + 1, commitKnownTs: day * DAY, ...replaced });
  }
  return segments;
}

/** shop, event day, price, known day, superseded day, commit. */
async function history(dataset: DatasetSpec, segments: readonly SegmentFile[]): Promise<unknown[][]> {
  const rows = await tables.use((session) =>
    session.rows(
      `select shop, ts / ${DAY} as day, price, "row:known_ts" / ${DAY} as known, "row:superseded_ts" / ${DAY} as until,
        "row:commit_seq" as commit from ${datasetRelation(dataset, segments)} order by "row:commit_seq", "row:seq"`,
    ),
  );
  return rows.map((row) => Object.values(row).map((value) => (typeof value === 'bigint' ? Number(value) : value)));
}

describe('a dataset that replaces its rows', () => {
  it('believes no declared time of a row that a replaced version had with other values', async () => {
    const segments = await versions({ day: 10, rows: [['a', 1, 5, 2]] }, { day: 20, rows: [['a', 1, 6, 2]] });
    expect(await history(KEYED, segments)).toEqual([
      ['a', 1, 5, 2, 20, 1],
      ['a', 1, 6, 20, null, 2],
    ]);
  });

  it('keeps since when an unchanged row was known, and believes rows that are seen for the first time', async () => {
    const segments = await versions(
      { day: 10, rows: [['a', 1, 5, 2]] },
      { day: 20, rows: [['b', 1, 7, 3], ['a', 1, 5, 2]] }, // prettier-ignore
      { day: 30, rows: [['a', 1, 5, 2], ['b', 1, 7, 3], ['b', 4, null, null]] }, // prettier-ignore
    );
    expect(await history(KEYED, segments)).toEqual([
      ['a', 1, 5, 2, null, 1],
      ['b', 1, 7, 3, null, 2],
      ['b', 4, null, 30, null, 3],
    ]);
  });

  it('withdraws what the next version lacks, and takes what comes back for known anew', async () => {
    const segments = await versions(
      { day: 10, rows: [['a', 1, 5, 2], ['b', 1, 7, null]] }, // prettier-ignore
      { day: 20, rows: [['b', 1, 7, null]] },
      { day: 30, rows: [['a', 1, 5, 2], ['b', 1, 7, null]] }, // prettier-ignore
    );
    expect(await history(KEYED, segments)).toEqual([
      ['a', 1, 5, 2, 20, 1],
      ['b', 1, 7, 10, null, 1],
      ['a', 1, 5, 30, null, 3],
    ]);
  });

  it('tells equal rows of a dataset without keys by their number, and others by their event time', async () => {
    const segments = await versions(
      { day: 10, rows: [['a', 1, 5, 2], ['a', 1, 5, 2], ['a', 2, 5, 3]] }, // prettier-ignore
      { day: 20, rows: [['a', 1, 5, 2], ['a', 2, 6, 3], ['a', 3, 8, 4]] }, // prettier-ignore
    );
    expect(await history(KEYLESS, segments)).toEqual([
      ['a', 1, 5, 2, null, 1],
      ['a', 1, 5, 2, 20, 1],
      ['a', 2, 5, 3, 20, 1],
      ['a', 2, 6, 20, null, 2],
      ['a', 3, 8, 4, null, 2],
    ]);
  });

  it('leaves the aggregates of all cuts before a replacement as they were', async () => {
    const view = requireWindowedView(
      'v',
      FeatureViewSpec.parse({
        dataset: 'd',
        entity: 'shop',
        keys: { shop: 'shop' },
        features: [
          { name: 'n', aggregate: 'count', window: '30d' },
          { name: 'sum', aggregate: 'sum', expression: 'price', window: '30d' },
          { name: 'top', aggregate: 'max', expression: 'price', window: '30d' },
        ],
        cuts: { every: '1d' },
      }),
    );
    const cuts = async (segments: readonly SegmentFile[], toDay: number): Promise<unknown[][]> => {
      const rows = datasetRelation(KEYED, segments);
      const sql = windowedFeatures({ view, dataset: KEYED, rows, fromCut: DAY, toCut: toDay * DAY, commitSeq: 1 });
      const found = await tables.use((session) =>
        session.rows(`select event_ts, n, sum, top from (${sql}) order by 1`),
      );
      return found.map((row) => Object.values(row));
    };
    const first = { day: 10, rows: [['a', 1, 5, 2], ['a', 2, 7, 3], ['a', 3, 9, 4]] } as const; // prettier-ignore
    const second = { day: 12, rows: [['a', 1, 6, 2], ['a', 2, 7, 3]] } as const; // prettier-ignore
    const before = await cuts(await versions(first), 11);
    const after = await cuts(await versions(first, second), 13);
    expect(after.slice(0, -2)).toEqual(before);
    // The first row is 6 now, the third is gone.
    expect(after.at(-1)).toEqual([13 * DAY, 2, 13, 7]);
    expect(before.at(-1)).toEqual([11 * DAY, 3, 21, 9]);
  });
});
