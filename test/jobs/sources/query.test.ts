import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueryInput, SourceLimits } from '../../../activities/jobs/sources/contract.js';
import { openSource } from '../../../activities/jobs/sources/open-source.js';
import { MEDIA_TYPES } from '../../../domain/artifact.js';
import { DatasetSpec } from '../../../domain/dataset.js';
import { openSourceBench, type SourceBench } from './source-bench.js';

describe('queries over other datasets', () => {
  let bench: SourceBench;
  let flights: QueryInput;

  beforeEach(async () => {
    bench = await openSourceBench();
    flights = await input('f', 'flights', [
      { rows: [[1, 'ATL', 10], [2, 'ORD', 20], [2, 'ATL', 30]], commitSeq: 1, commitKnownTs: 100 }, // prettier-ignore
      { rows: [[2, 'ORD', 25]], commitSeq: 2, commitKnownTs: 200 },
    ]);
  });

  afterEach(async () => {
    await bench.close();
  });

  interface Part {
    readonly rows: readonly (readonly [ts: number, origin: string, delay: number])[];
    readonly commitSeq: number;
    readonly commitKnownTs: number;
  }

  async function input(alias: string, dataset: string, parts: readonly Part[]): Promise<QueryInput> {
    const spec = DatasetSpec.parse({
      columns: [
        { name: 'ts', type: 'timestamp' },
        { name: 'origin', type: 'string' },
        { name: 'delay', type: 'float' },
      ],
      eventTime: 'ts',
      keys: ['origin'],
    });
    const segments = [];
    for (const { rows, commitSeq, commitKnownTs } of parts) {
      const path = await bench.context.artifacts.scratchPath('parquet');
      const values = rows.map(([ts, origin, delay], at) => `(${ts}::bigint, '${origin}', ${delay}::double, ${at})`);
      await bench.context.tables.use((session) =>
        session.execute(
          `copy (select ts, origin, delay, null::bigint as __known_ts, seq::bigint as __seq from (values ${values.join(', ')}) t(ts, origin, delay, seq)) to '${path}' (format parquet)`,
        ),
      );
      const table = await bench.context.artifacts.adopt(path, MEDIA_TYPES.parquet);
      segments.push({ table, commitSeq, commitKnownTs });
    }
    return { alias, dataset, versionId: `v${parts.length}`, commitSeq: parts.length, spec, segments };
  }

  const open = (sql: string, options: { inputs?: QueryInput[]; limits?: SourceLimits } = {}) => {
    const { inputs = [flights], limits } = options;
    const feed = { kind: 'query', sql, inputs } as const;
    return openSource({ sourceUri: 'query:busy', format: undefined, sourceFolders: [], limits, feed }, bench.context);
  };
  const rowsOf = async (sql: string): Promise<unknown[][]> => {
    const { files, remove } = await open(sql);
    const path = files[0]?.path ?? '';
    const rows = await bench.context.tables.use((session) => session.rows(`select * from read_parquet('${path}')`));
    await remove();
    return rows.map((row) => Object.values(row));
  };
  const problemOf = async (sql: string): Promise<string> => {
    const problem = await open(sql).then(
      () => 'opened',
      (error: unknown) => String((error as { details: Record<string, unknown> }).details['problem']),
    );
    expect(await bench.copies()).toEqual([]);
    return problem;
  };

  it('reads the rows that no other restates, with when they were known, in an order of their own', async () => {
    expect(await rowsOf('select origin, ts, delay, known_ts from f -- the newest')).toEqual([
      ['ATL', 1, 10, 100],
      ['ATL', 2, 30, 100],
      ['ORD', 2, 25, 200],
    ]);
    expect(await rowsOf(`select ts, delay, known_ts, superseded_ts from f_history where origin = 'ORD'`)).toEqual([
      [2, 20, 100, 200],
      [2, 25, 200, null],
    ]);
  });

  it('joins, windows, common tables and unions work', async () => {
    const sql = `with late as (select * from f where delay > 10), busy as (from late select origin, count(*) as n group by all)
      select l.ts, l.origin, b.n, max(known_ts) over (partition by l.origin) as known from late l join busy b using (origin)
      union all select i, 'gap', 0, 0 from range(2) r(i)`;
    expect(await rowsOf(sql)).toEqual([
      [0, 'gap', 0, 0],
      [1, 'gap', 0, 0],
      [2, 'ATL', 1, 100],
      [2, 'ORD', 1, 200],
    ]);
  });

  it('has the same digest for the same text and versions, and tells its inputs', async () => {
    const first = await open('select * from f');
    expect((await open('select * from f')).sha256).toBe(first.sha256);
    expect((await open('select * from f where true')).sha256).not.toBe(first.sha256);
    const newer = { ...flights, versionId: 'v3', commitSeq: 3 };
    expect((await open('select * from f', { inputs: [newer] })).sha256).not.toBe(first.sha256);
    expect(first.inputs).toEqual([{ dataset: 'flights', versionId: 'v2', commitSeq: 2 }]);
  });

  it('refuses everything but one SELECT over its own views', async () => {
    const cases: [string, RegExp][] = [
      ['select 1; select 2', /exactly one SELECT/],
      ['create table x as select 1', /not one SELECT/],
      ["copy f to '/tmp/x'", /not one SELECT/],
      ["attach '/tmp/x'", /not one SELECT/],
      ['selec 1', /not one SELECT/],
      ["select * from read_parquet('/etc/passwd')", /table function read_parquet/],
      ["select (select content from read_text('/etc/passwd'))", /table function read_text/],
      ["select * from glob('/*')", /table function glob/],
      ["select * from f where exists (from '/etc/passwd.csv')", /reads \/etc\/passwd\.csv; it may read f, f_history/],
      ['with "/x.csv" as (select 1) select * from "/x.csv"', /needs a name of letters/],
      ['select * from other', /reads other/],
      ['select * from information_schema.tables', /reads information_schema\.tables/],
      ['describe f', /describes/],
      ['select random() from f', /random\(\) gives something else each time/],
      ['select now() from f', /gives something else each time/],
      ['select nothing from f', /Binder Error/],
    ];
    for (const [sql, problem] of cases) expect(await problemOf(sql), sql).toMatch(problem);
  });

  it('a common table is no way to a table of the engine that has its name', async () => {
    const cases = [
      'with duckdb_views as (select * from duckdb_views) select * from duckdb_views',
      'with a as (select * from duckdb_views), duckdb_views as (select 1) select * from a',
      'select (with duckdb_views as (select 1) select 1), * from duckdb_views',
      'select * from (with duckdb_views as (select 1) select * from duckdb_views), duckdb_views',
      'with recursive duckdb_views as (select sql from duckdb_views union all select sql from duckdb_views) from duckdb_views',
    ];
    for (const sql of cases) expect(await problemOf(sql), sql).toBe('it reads duckdb_views; it may read f, f_history');
    expect(await rowsOf('with f as (select ts, origin from f where delay > 25) select * from f')).toEqual([[2, 'ATL']]);
    const counted = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 3), m as (select max(i) as top from n)
      select top from m where exists (select 1 from n)`;
    expect(await rowsOf(counted)).toEqual([[3]]);
  });

  it('time, session and samples are refused in every spelling', async () => {
    const cases: [string, RegExp][] = [
      ['select current_date from f', /^current_date, unless a table's name stands before it, gives something else/],
      ['select CURRENT_TIMESTAMP from f', /^CURRENT_TIMESTAMP,/],
      ['select localtimestamp', /^localtimestamp,/],
      ['select current_localtimestamp()', /^current_localtimestamp\(\) gives/],
      ["select current_setting('memory_limit')", /^current_setting\(\) gives/],
      ['select age(make_timestamp(ts)) from f', /^age\(\) gives/],
      ['select * from f using sample 10%', /^it takes a sample/],
      ['select * from f tablesample reservoir(2 rows) repeatable (7)', /^it takes a sample/],
    ];
    for (const [sql, problem] of cases) expect(await problemOf(sql), sql).toMatch(problem);
    const named = 'with t as (select ts as current_date from f) select max(t.current_date) from t';
    expect(await rowsOf(named)).toEqual([[2]]);
    expect(await rowsOf("select age(date '2024-01-02', date '2024-01-01')::varchar")).toEqual([['1 day']]);
  });

  it('is interrupted when its time is over', async () => {
    const sql = 'select count(*) as n from range(100000000000) a(i), f';
    await expect(open(sql, { limits: { maxBytes: 1e9, maxSeconds: 0.3 } })).rejects.toMatchObject({
      code: 'PRN_DATASET_SOURCE_ENDLESS',
    });
    expect(await bench.copies()).toEqual([]);
  });
});
