import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { inferDataset } from '../../../cli/local/infer.js';
import { validateFile } from '../../../cli/local/validate.js';
import type { DatasetSpec } from '../../../domain/dataset.js';
import { parseResource } from '../../../domain/resource-errors.js';
import { csv, type LocalWorld, openLocalWorld } from './local-world.js';

const FLIGHTS = 'node_modules/vega-datasets/data/flights-3m.parquet';

describe('dataset infer', () => {
  let world: LocalWorld;
  beforeEach(async () => {
    world = await openLocalWorld();
  });
  afterEach(() => world.remove());

  async function infer(file: string, options: { name?: string; eventTime?: string; ranges?: boolean } = {}) {
    const { document, yaml } = await inferDataset({ file, ranges: false, ...options });
    expect(parse(yaml)).toEqual(document);
    const resource = parseResource(document, 'draft');
    if (resource.kind !== 'Dataset') throw new Error('no dataset');
    return { ...resource, yaml };
  }

  /** The file is accepted by its own draft, whatever was guessed. */
  async function accepts(file: string, options: { ranges?: boolean } = {}) {
    const { yaml } = await infer(file, options);
    const documents = await world.write('draft.yaml', yaml);
    const { report } = await validateFile({ documents, data: file, tables: [], now: Date.UTC(2030, 0) * 1_000 });
    return { outcome: report.outcome, quarantined: report.quarantined, warnings: report.warnings };
  }

  const columns = (spec: DatasetSpec): Record<string, string> =>
    Object.fromEntries(spec.columns.map(({ name, type, nullable }) => [name, nullable ? `${type}?` : type]));

  it('concludes types from all values: one that does not fit makes a text', async () => {
    const header = ['whole', 'fraction', 'code', 'flag', 'time', 'mixed', 'nothing', 'huge', 'gap'];
    const rows = Array.from({ length: 200 }, (_row, index) => [
      index,
      index / 8,
      String(index).padStart(5, '0'),
      index % 2 === 0 ? 'true' : 'FALSE',
      `2024-01-01T00:${String(index % 60).padStart(2, '0')}+01:00`,
      index === 199 ? 'n/a' : index,
      null,
      '9007199254740993',
      index === 7 ? null : 1.5,
    ]);
    const { metadata, spec, yaml } = await infer(await world.write('Sales 2024.csv', csv(header, rows)));
    expect(metadata.name).toBe('sales-2024');
    expect(columns(spec)).toEqual({
      whole: 'integer',
      fraction: 'float',
      code: 'string',
      flag: 'boolean',
      time: 'timestamp',
      mixed: 'string',
      nothing: 'string?',
      huge: 'string',
      gap: 'float?',
    });
    expect(spec).toMatchObject({ eventTime: 'time', keys: ['code'], knowledge: { from: 'commit' }, format: 'csv' });
    expect(yaml).toContain('# review: 199 of 200 values are numbers; the others keep it a text');
    expect(yaml).toContain('# review: no row has a value, so the type is open');
    expect(yaml).toContain('# review: digits with leading zeros or signs: codes, not numbers');
  });

  it('names columns as SQL can bear them and keeps where they came from', async () => {
    const file = await world.write(
      'x.csv',
      '\uFEFF"Order ID; x","a ""q"", b",constructor,Größe,1st,n,Ts\r\n1,p,2,3,4,5,2024-01-01\r\n2,"q, ""r""\n",2,3,4,5,2024-01-02\r\n',
    );
    const { spec } = await infer(file);
    expect(spec.columns.map(({ name, from }) => [name, from])).toEqual([
      ['Order_ID_x', 'Order ID; x'],
      ['a_q_b', 'a "q", b'],
      ['constructor_', 'constructor'],
      ['Gro_e', 'Größe'],
      ['_1st', '1st'],
      ['n', undefined],
      ['Ts', undefined],
    ]);
    expect(await accepts(file)).toEqual({ outcome: 'accepted', quarantined: 0, warnings: [] });
  });

  it('lists the values of texts that repeat, expects what is always there, and infers ranges only when asked', async () => {
    const rows = Array.from({ length: 30 }, (_row, index) => [
      ['red', 'green', 'a "b", c'][index % 3]?.replace(/^(a.*)$/, '"a ""b"", c"') ?? null,
      `name ${index}`,
      index === 3 ? null : index,
      `2024-01-${String(index + 1).padStart(2, '0')}`,
    ]);
    const file = await world.write('x.csv', csv(['colour', 'name', 'size', 'day'], rows));
    const rules = [
      { name: 'colour-listed', values: { column: 'colour', in: ['a "b", c', 'green', 'red'] }, action: 'warn' },
      { name: 'size-present', present: { column: 'size', minCount: 1, minFraction: 0 }, action: 'warn' },
    ];
    expect((await infer(file)).spec.expectations).toEqual(rules);
    expect((await infer(file, { ranges: true })).spec.expectations).toEqual([
      ...rules,
      { name: 'size-in-range', range: { column: 'size', min: 0, max: 29, exclusive: false }, action: 'warn' },
    ]);
    expect(await accepts(file, { ranges: true })).toEqual({ outcome: 'accepted', quarantined: 0, warnings: [] });
  });

  it('lists up to a hundred values and no more', async () => {
    const listed = async (different: number): Promise<number> => {
      const rows = Array.from({ length: 300 }, (_row, index) => [`v${index % different}`, '2024-01-01']);
      const { spec } = await infer(await world.write('x.csv', csv(['v', 'day'], rows)));
      return spec.expectations[0]?.values?.in.length ?? 0;
    };
    expect([await listed(100), await listed(101)]).toEqual([100, 0]);
  });

  it('takes a time of writing for knowledge, not for the event, and a restated id for the key', async () => {
    const file = await world.write(
      'x.csv',
      csv(
        ['created_at', 'driver_id', 'happened'],
        [
          ['2024-01-02', 1, '2024-01-01'],
          ['2024-01-03', 1, '2024-01-01'],
          ['2024-01-03', 2, '2024-01-01'],
        ],
      ),
    );
    const { spec, yaml } = await infer(file);
    expect([spec.eventTime, spec.keys]).toEqual(['happened', ['driver_id']]);
    expect(yaml).toContain('{ from: column, column: created_at }');
    expect((await infer(file, { eventTime: 'created_at' })).spec.eventTime).toBe('created_at');
  });

  it('reads JSON, gzip and whole microseconds', async () => {
    const lines = [
      { id: '007', at_ts: 1_704_067_200_000_000, deep: { a: 1 }, n: 1, ok: true },
      { id: '008', at_ts: 1_704_067_200_000_001, deep: null, n: 2.5, ok: false },
    ];
    const file = await world.write('x.ndjson.gz', gzipSync(lines.map((line) => JSON.stringify(line)).join('\n')));
    const { spec } = await infer(file);
    expect(columns(spec)).toEqual({ id: 'string', at_ts: 'timestamp', deep: 'string?', n: 'float', ok: 'boolean' });
    expect(spec.format).toBe('ndjson');
    expect(await accepts(file)).toMatchObject({ outcome: 'accepted', quarantined: 0 });
  });

  it('accepts three million flights by their own draft', async () => {
    const { spec, yaml } = await infer(FLIGHTS, { name: 'flights' });
    expect(columns(spec)).toEqual({
      date: 'timestamp',
      delay: 'integer',
      distance: 'integer',
      origin: 'string',
      destination: 'string',
    });
    expect(spec).toMatchObject({ eventTime: 'date', keys: [], expectations: [] });
    const documents = await world.write('flights.yaml', yaml);
    const { report } = await validateFile({ documents, data: FLIGHTS, tables: [], now: Date.UTC(2030, 0) * 1_000 });
    expect(report).toMatchObject({ outcome: 'accepted', rows: 3_000_000, quarantined: 0, warnings: [] });
  }, 120_000);

  it('drafts what its own file passes although rows lack the event time', async () => {
    const file = await world.write(
      'x.csv',
      csv(
        ['a', 'ts'],
        [
          [1, '2024-01-01'],
          [2, null],
          [3, '2024-01-02'],
        ],
      ),
    );
    expect(await accepts(file)).toMatchObject({ outcome: 'accepted', quarantined: 1 });
  });

  it('says why there is no draft', async () => {
    const refused = async (name: string, content: string, options = {}): Promise<string> =>
      infer(await world.write(name, content), options).then(
        () => 'drafted',
        (error: unknown) => (error instanceof Error ? error.message.replaceAll(world.folder, '') : ''),
      );
    expect(await refused('a.csv', 'a,b\n1,2\n')).toMatch(/none of its columns holds times \(a: integer, b: integer\)/);
    expect(await refused('b.csv', 'ts\n')).toMatch(/it has no rows/);
    expect(await refused('c.csv', 'ts,v\n2024-01-01,1\n2024-01-02,1,2\n')).toMatch(/not readable as csv, line 3/);
    expect(await refused('d.csv', 'Ts,ts\n2024-01-01,1\n')).toMatch(/line 1: two columns are called "ts"/);
    expect(await refused('e.xls', 'x')).toMatch(/does not tell its format/);
    expect(await refused('f.parquet', 'no parquet')).toMatch(/not readable as parquet/);
    expect(await refused('g.csv', 'ts,v\n2024-01-01,1\n', { eventTime: 'tss' })).toMatch(/did you mean "ts"/);
    expect(await refused('h.csv', 'ts,v\n2024-01-01,1\n', { name: 'No Name' })).toMatch(/"No Name" cannot be its name/);
  });
});
