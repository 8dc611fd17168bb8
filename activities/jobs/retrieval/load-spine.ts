/** CPU body of reading a spine: its rows, numbered, with keys and time as the feature rows have them, as Parquet. */
import { MEDIA_TYPES } from '../../../domain/artifact.js';
import { DomainError } from '../../../domain/errors.js';
import { requireFreeOutputs, type RetrievalPlan } from '../../../domain/historical-retrieval.js';
import { didYouMean } from '../../../domain/names.js';
import { quoteIdentifier, quoteText } from '../../../ml/features/expression/sql.js';
import { coerceKey, coerceTime, type SourceColumn } from '../../../ml/features/spine-sql.js';
import type { TableSession } from '../../../store/contracts/tables.js';
import type { RetrievalSpineTable } from '../../../workflows/contracts/historical-retrieval.js';
import type { JobContext } from '../context.js';
import { keyColumn, keysOf, OWN_COLUMNS, ROW, TIME } from './columns.js';
import { type SpineOrigin, type SpineRelation, withSpineRows } from './spine-rows.js';

export interface LoadRetrievalSpineInput {
  readonly plan: RetrievalPlan;
  readonly origin: SpineOrigin;
}

/** Throws `PRN_FEATURE_KEYS_MISSING`, `PRN_FEATURE_MISSING`, `PRN_SPINE_INVALID` or `PRN_DATASET_SOURCE_*`. */
export async function loadRetrievalSpine(
  { plan, origin }: LoadRetrievalSpineInput,
  context: JobContext,
): Promise<RetrievalSpineTable> {
  const { artifacts, tables, signal, progress } = context;
  return tables.use(
    (session) =>
      withSpineRows(origin, { session, context }, async (rows) => {
        const time = requireColumns(plan, rows);
        requireExactKeys(plan, origin);
        const keys = keysOf(plan.views).map(({ column: name, type }) => {
          const column = rows.columns.find((each) => each.name === name) ?? { name, sourceType: 'VARCHAR' };
          return { name, alias: quoteIdentifier(keyColumn(name, type)), sql: coerceKey(column, type).value };
        });
        const own = await outputColumns(session, rows);
        const columns = [
          ...own,
          `row_number() over () as ${ROW}`,
          `${coerceTime(time).value} as ${TIME}`,
          ...keys.map(({ alias, sql }) => `${sql} as ${alias}`),
        ];
        const path = await artifacts.scratchPath('parquet');
        await session.execute(
          `copy (select ${columns.join(', ')} from ${rows.relation}) to ${quoteText(path)} (format parquet)`,
        );
        progress({ message: 'spine read' });
        const counts = await countRows(session, path, [{ name: time.name, alias: TIME }, ...keys]);
        return { table: await artifacts.adopt(path, MEDIA_TYPES.parquet), ...counts };
      }),
    signal,
  );
}

/** Names everything that is missing at once; gives the column with the time. */
function requireColumns(plan: RetrievalPlan, { name, columns }: SpineRelation): SourceColumn {
  const names = columns.map((column) => column.name);
  const own = names.find((column) => column.startsWith(OWN_COLUMNS));
  if (own !== undefined) {
    const problem = `its column ${own} begins like those that the join adds; rename it`;
    throw new DomainError('PRN_SPINE_INVALID', { path: name, problem, columns: names.join(', ') });
  }
  const missing = [...new Set(keysOf(plan.views).map(({ column }) => column))].filter((key) => !names.includes(key));
  if (missing.length > 0)
    throw new DomainError('PRN_FEATURE_KEYS_MISSING', {
      missing: missing.map((key) => `${key}${didYouMean(key, names)}`).join(', '),
      expected: [...new Set(keysOf(plan.views).map(({ column }) => column))].join(', '),
      hint: `; the spine ${name} has the columns ${names.join(', ')}`,
    });
  const fields = plan.fields.filter((field) => !names.includes(field.name));
  if (fields.length > 0) {
    const expected = plan.fields.map((field) => `${field.name} as ${field.datatype}`).join(', ');
    throw new DomainError('PRN_FEATURE_MISSING', { field: fields.map((field) => field.name).join(', '), expected });
  }
  requireFreeOutputs(plan.features, { name, columns: names });
  const time = columns.find((column) => column.name === plan.timeColumn);
  if (time !== undefined) return time;
  const problem = `it has no column ${plan.timeColumn}${didYouMean(plan.timeColumn, names)} with the time of each question`;
  throw new DomainError('PRN_SPINE_INVALID', { path: name, problem, columns: names.join(', ') });
}

/** A long number in a request has lost its last digits before anybody sees it, and would be somebody else's key. */
function requireExactKeys({ views }: RetrievalPlan, origin: SpineOrigin): void {
  if (origin.kind !== 'rows') return;
  for (const { column } of keysOf(views))
    for (const [index, row] of origin.rows.entries()) {
      const value = row[column];
      if (typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)) continue;
      const problem = `row ${index}: the key ${column} is a number beyond what JSON keeps exact; send it as text`;
      throw new DomainError('PRN_SPINE_INVALID', {
        path: 'of the request',
        problem,
        columns: Object.keys(row).join(', '),
      });
    }
}

/** The spine's own columns; values that came as JSON get the type that all of them have. */
async function outputColumns(session: TableSession, { relation, columns }: SpineRelation): Promise<string[]> {
  const outputs: string[] = [];
  for (const { name, sourceType } of columns) {
    const raw = quoteIdentifier(name);
    if (sourceType !== 'JSON') {
      outputs.push(raw);
      continue;
    }
    const [found] = await session.rows(
      `select string_agg(distinct json_type(${raw}), ' ') as types from ${relation} where json_type(${raw}) <> 'NULL'`,
    );
    const types = String(found?.['types'] ?? '').split(' ');
    outputs.push(`(${raw} ->> '$')::${jsonSqlType(types)} as ${raw}`);
  }
  return outputs;
}

function jsonSqlType(types: readonly string[]): string {
  const only = (...allowed: string[]): boolean => types.every((type) => allowed.includes(type));
  if (only('BIGINT', 'UBIGINT')) return 'bigint';
  if (only('BIGINT', 'UBIGINT', 'DOUBLE')) return 'double';
  return only('BOOLEAN') ? 'boolean' : 'varchar';
}

async function countRows(
  session: TableSession,
  path: string,
  columns: readonly { readonly name: string; readonly alias: string }[],
): Promise<Pick<RetrievalSpineTable, 'rows' | 'unusable'>> {
  const nulls = columns.map(({ alias }, index) => `count(*) - count(${alias}) as nulls_${index}`);
  const [row = {}] = await session.rows(
    `select count(*) as rows, ${nulls.join(', ')} from read_parquet(${quoteText(path)})`,
  );
  const unusable = columns.map(({ name: column }, index) => ({ column, rows: Number(row[`nulls_${index}`]) }));
  return { rows: Number(row['rows']), unusable: unusable.filter(({ rows }) => rows > 0) };
}
