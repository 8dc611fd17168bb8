import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ValidateRequest, validateFile } from '../../../cli/local/validate.js';
import { csv, document, type LocalWorld, openLocalWorld } from './local-world.js';

describe('validate', () => {
  let world: LocalWorld;
  beforeEach(async () => {
    world = await openLocalWorld();
  });
  afterEach(() => world.remove());

  const orders = (changes: object = {}): object =>
    document('Dataset', 'orders', {
      columns: [
        { name: 'id', type: 'integer' },
        { name: 'ts', type: 'timestamp' },
        { name: 'amount', type: 'float' },
        { name: 'customer', type: 'string' },
      ],
      eventTime: 'ts',
      maxQuarantined: 0.5,
      expectations: [
        { name: 'positive', expression: 'amount > 0', action: 'drop' },
        { name: 'few', rows: { max: 2 }, action: 'fail' },
      ],
      ...changes,
    });
  const customers = document('Dataset', 'customers', {
    columns: [
      { name: 'name', type: 'string' },
      { name: 'since', type: 'timestamp' },
    ],
    eventTime: 'since',
  });

  const HEADER = ['id', 'ts', 'amount', 'customer'];
  const ROWS = [
    [1, '2024-01-01', 10, 'ann'],
    [2, '2024-01-02', -5, 'bob'],
    ['x', '2024-01-03', 'y', 'cid'],
    [4, '2024-01-04', 40, 'ann'],
  ];

  async function judge(rows: readonly (readonly (string | number | null)[])[], options: Partial<ValidateRequest> = {}) {
    const data = await world.write('orders.csv', csv(HEADER, rows));
    const documents = join(world.folder, 'resources.yaml');
    return validateFile({ documents, data, tables: [], now: Date.UTC(2024, 1) * 1_000, ...options });
  }

  it('accepts with rows set aside, each with raw text, place and all failed rules', async () => {
    await world.declare(orders());
    const path = join(world.folder, 'bad.json');
    const { report, profile } = await judge(ROWS, { quarantineOut: { path, ending: 'json' } });
    expect([report.outcome, report.rows, report.quarantined]).toEqual(['accepted', 4, 2]);
    expect(profile?.columns.find(({ name }) => name === 'amount')?.count).toBe(2);
    const bad = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>[];
    expect(bad.map(({ source_row, failed_rules }) => [source_row, failed_rules])).toEqual([
      [2, ['positive']],
      [3, ['id-is-integer', 'amount-is-float']],
    ]);
    expect(JSON.parse(String(bad[1]?.['raw']))).toMatchObject({ id: 'x', amount: 'y' });
  });

  it('refuses by a batch rule and by missing columns, with a report', async () => {
    await world.declare(orders());
    const { report } = await judge([...ROWS, ...ROWS.slice(0, 2)]);
    expect(report.outcome).toBe('refused');
    expect(report.rules.find(({ name }) => name === 'few')).toMatchObject({ verdict: 'failed', observed: 3 });
    const data = await world.write('other.csv', 'id,ts,amont\n1,2024-01-01,2\n');
    const other = await judge(ROWS, { data });
    expect(other).toMatchObject({ profile: null, report: { outcome: 'refused', severity: 'error', rules: [] } });
    expect(other.report.failures[0]).toMatch(/column amount \(did you mean "amont"\?\), customer is missing/);
  });

  it('judges across datasets and against what came before', async () => {
    const expectations = [
      { name: 'known', references: { columns: ['customer'], dataset: 'customers', to: ['name'] }, action: 'warn' },
      { name: 'steady', change: { statistic: 'rows', max: 1.5 }, action: 'fail' },
    ];
    await world.declare(orders({ expectations }), customers);
    const tables = [{ dataset: 'customers', file: await world.write('c.csv', 'name,since\nann,2023-01-01\n') }];
    const good = ROWS.filter(([id]) => id !== 'x');
    const previous = await world.write('previous.csv', csv(HEADER, good.slice(0, 1)));
    const verdicts = async (options: Partial<ValidateRequest>): Promise<unknown> => {
      const { report } = await judge(good, options);
      const named = report.rules.filter(({ name }) => name === 'known' || name === 'steady');
      return [report.outcome, ...named.map(({ verdict, failing, observed }) => [verdict, failing, observed])];
    };
    const known = ['warned', 1, expect.closeTo(2 / 3, 3)];
    expect(await verdicts({ tables })).toEqual(['accepted', known, ['no_evidence', 0, null]]);
    expect(await verdicts({ tables, previous })).toEqual(['refused', known, ['failed', 0, 3]]);
  });

  it('needs one dataset to judge by', async () => {
    const message = async (options: Partial<ValidateRequest> = {}): Promise<string> =>
      judge(ROWS, options).then(
        ({ report }) => report.outcome,
        (error: unknown) => (error instanceof Error ? error.message : ''),
      );
    await world.declare(orders(), customers);
    expect(await message()).toMatch(/it declares orders, customers\. Choose one with --name\./);
    expect(await message({ name: 'order' })).toMatch(/No Dataset named order exists \(did you mean "orders"\?\)/);
    expect(await message({ name: 'orders' })).toBe('accepted');
    await world.declare(document('Entity', 'customer', { keys: [{ name: 'customer', type: 'string' }] }));
    expect(await message()).toMatch(/it declares no Dataset/);
    await world.declare(orders({ eventTime: 'tss' }));
    expect(await message()).toMatch(/resources\.yaml:1, Dataset orders, spec\.eventTime.*did you mean "ts"/);
  });
});
