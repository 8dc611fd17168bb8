import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { prepareSegment } from '../../activities/jobs/prepare-segment.js';
import { validateSource } from '../../activities/jobs/validate-source.js';
import { DatasetSpec, Segment } from '../../domain/dataset.js';
import type { TableEngine, TableSession } from '../../store/contracts/tables.js';
import { openValidationBench } from './validation-bench.js';

const TIME = { name: 't', type: 'timestamp' };

let bench: Awaited<ReturnType<typeof openValidationBench>>;
beforeAll(async () => {
  bench = await openValidationBench();
});
afterAll(() => bench.close());

/** An engine that remembers its statements. */
function listening(tables: TableEngine, statements: string[]): TableEngine {
  const heard =
    <T>(run: (sql: string) => Promise<T>) =>
    (sql: string) => {
      statements.push(sql);
      return run(sql);
    };
  const listen = ({ execute, rows, columns, append }: TableSession): TableSession => {
    return { execute: heard(execute), rows: heard(rows), columns: heard(columns), append };
  };
  return { use: (body, signal) => tables.use((session) => body(listen(session)), signal), close: () => tables.close() };
}

describe('rules', () => {
  it('a query that never returns held its worker for a day', async () => {
    const expectations = [{ name: 'endless', sql: 'select * from source, range(100000000000)', action: 'warn' }];
    const spec = DatasetSpec.parse({ columns: [TIME], eventTime: 't', format: 'csv', expectations });
    const sourceUri = await bench.write('endless.csv', 't\n2001-01-01\n');
    const limits = { maxBytes: 1e9, maxSeconds: 0.5 };
    const input = { dataset: 'probe', spec, sourceUri, sourceFolders: [bench.landing], limits };
    await expect(validateSource(input, bench.context)).rejects.toMatchObject({
      code: 'PRN_DATASET_SOURCE_ENDLESS',
      message: expect.stringContaining('endless.csv, judged by dataset probe, did not end within 0.5 s') as string,
    });
  });
});

describe('the scan', () => {
  it('reads the source once, whatever the rules', async () => {
    const rules = [
      { name: 'range', range: { column: 'x', max: 1 }, action: 'drop' },
      { name: 'mean', aggregate: { column: 'x', statistic: 'mean', max: 0 }, action: 'warn' },
      { name: 'unique', unique: ['x'], action: 'warn' },
      { name: 'sql', sql: 'select * from source', action: 'warn' },
    ];
    const columns = [TIME, { name: 'x', type: 'float' }];
    const spec = DatasetSpec.parse({ columns, eventTime: 't', format: 'csv', maxQuarantined: 1, expectations: rules });
    const sourceUri = await bench.write('once.csv', 't,x\n2001-01-01,1\n2001-01-02,1\n2001-01-03,2\n');
    const statements: string[] = [];
    const context = { ...bench.context, tables: listening(bench.context.tables, statements) };
    const judged = await validateSource({ dataset: 'probe', spec, sourceUri, sourceFolders: [bench.landing] }, context);
    expect(judged?.report.rules.filter(({ verdict }) => verdict !== 'passed').map(({ name }) => name)).toEqual([
      'range',
      'mean',
      'unique',
      'sql',
    ]);
    const scans = statements.filter((sql) => sql.includes('read_csv'));
    expect(scans.map((sql) => sql.split(' ').slice(0, 3).join(' '))).toEqual([
      'describe select *',
      'create or replace',
    ]);
    // One query has figures, profile and what the batch rules ask.
    expect(statements.filter((sql) => sql.includes('bit_count'))).toHaveLength(1);
  });
});

describe('sources meant to break it', () => {
  it('have columns with quotes, colons and other scripts', async () => {
    const columns = [
      { ...TIME, from: 'when "it" was' },
      { name: 'x', type: 'float', from: "it's: 日本" },
      { name: 'has_x', type: 'string', from: 'x', nullable: true },
    ];
    const header = `"when ""it"" was","it's: 日本",x,ignored`;
    const expectations = [{ name: 'small', range: { column: 'x', max: 1 }, action: 'drop' }];
    const { report, profile, rule } = await bench.judge(`${header}\n2001-01-01,1,é🙂,\n2001-01-01,2,,\n`, {
      columns,
      eventTime: 't',
      expectations,
    });
    expect(report).toMatchObject({ outcome: 'accepted', quarantined: 1 });
    expect(rule('small').samples).toEqual([{ value: '2', count: 1 }]);
    expect(profile.columns[2]?.categories?.values).toEqual([{ value: 'é🙂', count: 1 }]);
  });

  it('have columns that are all null, or no rows at all', async () => {
    const columns = [
      TIME,
      ...['float', 'integer', 'string', 'boolean'].map((type) => ({ name: `a_${type}`, type, nullable: true })),
    ];
    const expectations = [
      { name: 'mean', aggregate: { column: 'a_float', statistic: 'mean', min: 0 }, action: 'fail' },
      { name: 'unique', unique: ['a_integer'], action: 'warn' },
    ];
    const spec = { columns, eventTime: 't', expectations };
    const header = 't,a_float,a_integer,a_string,a_boolean';
    const empty = await bench.judge(`${header}\n2001-01-01,,,,\n2001-01-02,,,,\n`, spec);
    expect(empty.report.outcome).toBe('accepted');
    expect(empty.rule('mean').verdict).toBe('no_evidence');
    expect(empty.rule('unique')).toMatchObject({ failing: 1, samples: [{ value: '(missing)', count: 1 }] });
    expect(empty.profile.columns.slice(1).map(({ nulls, distinct, mean }) => [nulls, distinct, mean])).toEqual([
      [2, 0, null],
      [2, 0, null],
      [2, 0, null],
      [2, 0, null],
    ]);
    const nothing = await bench.judge(`${header}\n`, spec);
    expect(nothing.report).toMatchObject({ outcome: 'refused', rows: 0, failures: ['the source has no rows'] });
    expect(nothing.profile).toMatchObject({ rows: 0, firstEventTs: null });
  });

  it('have numbers at the edge of what can be held', async () => {
    const columns = [
      TIME,
      { name: 'n', type: 'integer', nullable: true },
      { name: 'x', type: 'float', nullable: true },
    ];
    const values = [
      '9007199254740991,1e308',
      '-9007199254740991,-1e308',
      '9007199254740992,inf',
      '1.5,nan',
      '99999999999999999999,1',
    ];
    const source = `t,n,x\n${values.map((value) => `2001-01-01,${value}`).join('\n')}\n`;
    const { profile, rule } = await bench.judge(source, { columns, eventTime: 't', expectations: [] });
    expect(rule('n-is-integer').offenders.map(({ row }) => row)).toEqual([3, 4, 5]);
    expect(rule('x-is-float').samples).toEqual([{ value: 'inf', count: 1 }]);
    const [, n, x] = profile.columns;
    expect(n).toMatchObject({ min: -9_007_199_254_740_991, max: 9_007_199_254_740_991, distinct: 2 });
    // Exact to a step of the grid, which is 2 over this range.
    expect(Math.abs(n?.mean ?? 9)).toBeLessThanOrEqual(2);
    expect(x).toMatchObject({ min: -1e308, max: 1e308, mean: 0 });
  });

  it('have offsets beyond a day and digits in groups, which the engine would take for times and numbers', async () => {
    const columns = [
      { ...TIME, nullable: true },
      { name: 'seen', type: 'timestamp', nullable: true },
      { name: 'n', type: 'integer', nullable: true },
      { name: 'x', type: 'float', nullable: true },
    ];
    const bad = ['+99:99', '+24:00', '-24', '-1460', '+02:60', '+02:00:60', '+02:75:00'];
    const good = ['+23:59', '-14:00', '+0530', '+02', '+01:00:59', ' Europe/Berlin', 'Z', ''];
    const numbers = { bad: ['1_000', '1_0.5', '1e1_0'], good: ['1000', '1e3', '-5'] };
    const rows = [
      ...bad.map((offset) => [`2001-01-02T00:00:00${offset}`, '', '']),
      ...good.map((offset) => [`2001-01-02T00:00:00${offset}`, '', '']),
      ...numbers.bad.map((text) => ['', text, text]),
      ...numbers.good.map((text) => ['', text, text]),
    ];
    const lines = rows.map(([seen, n, x]) => `2001-01-01,${seen},${n},${x}\n`);
    const csv = await bench.judge(`t,seen,n,x\n${lines.join('')}`, { columns, eventTime: 't' });
    const documents = rows.map(([seen, n, x]) => `${JSON.stringify({ t: '2001-01-01', seen, n, x })}\n`);
    // An empty text is a value in JSON, and neither a time nor a number.
    const given = documents.map((line) => line.replace(/"(seen|n|x)":"",?/g, '').replace(',}', '}')).join('');
    const json = await bench.judge(given, { columns, eventTime: 't', format: 'ndjson' });
    for (const { rule, profile } of [csv, json]) {
      const failing = (name: string): unknown[] => rule(name).offenders.map(({ row }) => row);
      expect(failing('seen-is-timestamp')).toEqual(bad.map((_offset, index) => index + 1));
      const first = bad.length + good.length + 1;
      expect(failing('n-is-integer')).toEqual([first, first + 1, first + 2]);
      expect(failing('x-is-float')).toEqual([first, first + 1, first + 2]);
      const [, seen, n, x] = profile.columns;
      const midnight = Date.UTC(2001, 0, 2) * 1_000;
      expect(seen).toMatchObject({ min: midnight - 86_340_000_000, max: midnight + 14 * 3_600_000_000 });
      for (const numbersOf of [n, x]) expect(numbersOf).toMatchObject({ min: -5, max: 1_000 });
    }
  });

  it('have bytes that are no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('t,s\n2001-01-01,'), Buffer.from([0xff, 0xfe]), Buffer.from('\n')]);
    const columns = [TIME, { name: 's', type: 'string' }];
    await expect(bench.judge(bytes, { columns, eventTime: 't', expectations: [] })).rejects.toThrow(
      expect.objectContaining({ code: 'PRN_DATASET_SOURCE_UNREADABLE' }) as Error,
    );
  });

  it('have more rules than one mask has bits', async () => {
    const expectations = Array.from({ length: 120 }, (_unused, at) => ({
      name: `below-${at}`,
      range: { column: 'x', max: at },
      action: 'drop',
    }));
    const columns = [TIME, { name: 'x', type: 'float' }];
    const source = 't,x\n2001-01-01,-1\n2001-01-02,100.5\n2001-01-03,0\n';
    const { report, rule } = await bench.judge(source, { columns, eventTime: 't', expectations });
    expect(report.rules.filter(({ verdict }) => verdict === 'quarantined')).toHaveLength(101);
    expect(rule('below-100').offenders).toEqual([{ row: 2, key: '{"t":"2001-01-02 00:00:00"}' }]);
    expect(rule('below-101').verdict).toBe('passed');
  });
});

describe('rows that are set aside', () => {
  it('say in which file and row they stand, with their raw values and all rules they break', async () => {
    const columns = [TIME, { name: 'x', type: 'float' }];
    const expectations = [
      { name: 'small', range: { column: 'x', max: 10 }, action: 'drop' },
      { name: 'even', expression: 'x != 77', action: 'warn' },
    ];
    const spec = DatasetSpec.parse({ columns, eventTime: 't', format: 'csv', maxQuarantined: 0.9, expectations });
    await bench.write('part-1.csv', 't,x\n2001-01-01,1\n2001-01-02,77\n');
    await bench.write('part-2.csv', 't,x\n2001-01-03,2\n2001-01-04,3\nsoon,77\n');
    const source = { sourceUri: `${bench.landing}/part-*.csv`, sourceFolders: [bench.landing] };
    const prepared = await prepareSegment({ ...source, dataset: 'probe', revision: 1, spec }, bench.context);
    if (prepared.outcome !== 'accepted') throw new Error('refused');
    const { quarantineTable, brokenRules } = await getJson(bench.artifacts, prepared.segment, Segment);
    if (quarantineTable === null) throw new Error('nothing was set aside');
    expect(brokenRules).toEqual(['t-is-timestamp', 'small']);
    const path = await bench.artifacts.localPath(quarantineTable);
    const select = `select source_row, parse_filename(source_file) as file, file_row, raw, array_to_string(failed_rules, ' ') as rules from read_parquet('${path}')`;
    expect(await bench.context.tables.use((session) => session.rows(select))).toEqual([
      { source_row: 2, file: 'part-1.csv', file_row: 2, raw: '{"t":"2001-01-02","x":"77"}', rules: 'small even' },
      {
        source_row: 5,
        file: 'part-2.csv',
        file_row: 3,
        raw: '{"t":"soon","x":"77"}',
        rules: 't-is-timestamp small even',
      },
    ]);
    expect((await readFile(`${bench.landing}/part-2.csv`, 'utf8')).split('\n')[3]).toBe('soon,77');
  });
});
