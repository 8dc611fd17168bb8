/** Tables to ingest: made ones, or Parquet files that were given, as CSV files with the dataset that declares them. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DuckDBConnection } from '@duckdb/node-api';
import { type ColumnType, DatasetSpec } from '../domain/dataset.js';
import { ColumnName } from '../domain/names.js';
import { quoteIdentifier, quoteText } from '../ml/features/expression/sql.js';

export interface IngestTable {
  readonly name: string;
  readonly csv: string;
  readonly spec: DatasetSpec;
  readonly rows: number;
}

const MADE_ROWS = 2_000_000;

/** Orders of a shop: eight columns, in order of time, a few rows in a thousand broken. */
export async function makeTable(connection: DuckDBConnection, folder: string): Promise<IngestTable> {
  const csv = join(folder, 'orders.csv');
  // Numbers of a linear congruence, so that each run measures the same bytes.
  const noise = (salt: number): string => `(((i * 1103515245 + ${salt} * 12345) % 2147483648) / 2147483648.0)`;
  await connection.run(`copy (
    select make_timestamp(1000000000000000 + i * 250000) as ordered_at,
      i as order_id,
      'C' || lpad((${noise(1)} * 50000)::int::varchar, 6, '0') as customer,
      ['Berlin', 'Lisbon', 'Osaka', 'Quito', 'Tunis'][1 + floor(${noise(2)} * 5)::int] as city,
      round(${noise(3)} * 500, 2) as amount,
      case when i % 1000 = 7 then -1 else (${noise(4)} * 9)::int end as quantity,
      case when i % 100 <> 3 then round(${noise(5)}, 6) end as discount,
      i % 3 = 0 as express
    from range(${MADE_ROWS}) t(i)) to ${quoteText(csv)} (header)`);
  const spec = DatasetSpec.parse({
    columns: [
      { name: 'ordered_at', type: 'timestamp' },
      { name: 'order_id', type: 'integer' },
      { name: 'customer', type: 'string' },
      { name: 'city', type: 'string' },
      { name: 'amount', type: 'float' },
      { name: 'quantity', type: 'integer' },
      { name: 'discount', type: 'float', nullable: true },
      { name: 'express', type: 'boolean' },
    ],
    eventTime: 'ordered_at',
    format: 'csv',
    expectations: [
      { name: 'positive', range: { column: 'quantity', min: 0 }, action: 'drop' },
      { name: 'plausible', range: { column: 'amount', min: 0, max: 10_000 }, action: 'drop' },
      { name: 'customer-code', pattern: { column: 'customer', matches: '^C[0-9]{6}$' }, action: 'warn' },
      {
        name: 'known-city',
        values: { column: 'city', in: ['Berlin', 'Lisbon', 'Osaka', 'Quito', 'Tunis'] },
        action: 'fail',
      },
      { name: 'cheap-discounts', expression: 'discount <= 0.999', where: 'amount < 100', mostly: 0.99, action: 'warn' },
      { name: 'one-order', unique: ['order_id'], action: 'fail' },
      { name: 'usual-amount', aggregate: { column: 'amount', statistic: 'mean', min: 100, max: 400 }, action: 'fail' },
      { name: 'discounts', present: { column: 'discount', minFraction: 0.9 }, action: 'fail' },
    ],
  });
  return { name: 'orders', csv, spec, rows: MADE_ROWS };
}

/** Every `*.parquet` of a folder as a CSV file. Files without a time, or with columns that no dataset can have, are left out. */
export async function readTables(connection: DuckDBConnection, data: string, folder: string): Promise<IngestTable[]> {
  const tables: IngestTable[] = [];
  const files = (await readdir(data)).filter((file) => file.endsWith('.parquet')).sort();
  for (const file of files) {
    const name = basename(file, '.parquet');
    const parquet = `read_parquet(${quoteText(join(data, file))})`;
    const found = await connection.runAndReadAll(`describe select * from ${parquet}`);
    const columns = found
      .getRowObjectsJson()
      .flatMap((row) => columnOf(textOf(row['column_name']), textOf(row['column_type'])));
    const time = columns.find(({ type }) => type === 'timestamp');
    if (time === undefined) {
      console.log(`${file} has no column of times and is left out`);
      continue;
    }
    const csv = join(folder, `${name}.csv`);
    const list = columns.map((column) => quoteIdentifier(column.name)).join(', ');
    await connection.run(`copy (select ${list} from ${parquet}) to ${quoteText(csv)} (header)`);
    const counted = await connection.runAndReadAll(`select count(*)::int as n from ${parquet}`);
    const expectations = rulesFor(columns);
    const spec = DatasetSpec.parse({ columns, eventTime: time.name, format: 'csv', maxQuarantined: 1, expectations });
    tables.push({ name, csv, spec, rows: Number(counted.getRowObjectsJson()[0]?.['n']) });
  }
  return tables;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

interface FoundColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: true;
}

function columnOf(name: string, sqlType: string): FoundColumn[] {
  const type = typeOf(sqlType);
  return type === null || !ColumnName.safeParse(name).success ? [] : [{ name, type, nullable: true }];
}

function typeOf(sqlType: string): ColumnType | null {
  if (/^(TIMESTAMP|DATE)/.test(sqlType)) return 'timestamp';
  if (/^(DOUBLE|FLOAT|DECIMAL)/.test(sqlType)) return 'float';
  if (/^(U?(BIG|TINY|SMALL)INT|U?INTEGER)$/.test(sqlType)) return 'integer';
  return sqlType === 'BOOLEAN' ? 'boolean' : sqlType === 'VARCHAR' ? 'string' : null;
}

/** Eight rules of the common kinds over whatever columns there are. */
function rulesFor(columns: readonly FoundColumn[]): object[] {
  const rules = columns.flatMap(({ name, type }): object[] => {
    if (type === 'string')
      return [{ pattern: { column: name, matches: '^.' } }, { length: { column: name, max: 1_000 } }];
    if (type === 'timestamp') return [{ expression: `weekday_of(${name}) >= 0` }];
    if (type === 'boolean') return [{ present: { column: name, minFraction: 0 } }];
    return [
      { range: { column: name, min: -1e15, max: 1e15 } },
      { aggregate: { column: name, statistic: 'mean', min: -1e15 } },
    ];
  });
  return rules.slice(0, 8).map((rule, at) => ({ name: `rule-${at}`, action: 'warn', ...rule }));
}
