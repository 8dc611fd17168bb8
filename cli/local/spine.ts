/** The rows that are asked about: any file with the entity keys and a time. All of its columns are kept. */
import type { JobContext } from '../../activities/jobs/context.js';
import { DomainError } from '../../domain/errors.js';
import type { EntityKey } from '../../domain/feature-view.js';
import { didYouMean } from '../../domain/names.js';
import type { ColumnEvidence } from '../../ml/features/column-evidence.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import { SPINE, type SourceColumn, spineCounts, type SpineKey, spineRows } from '../../ml/features/spine-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import { readColumnEvidence, withSourceTable } from './source-table.js';
import type { KeptColumn } from './spine-output.js';

/** Plain name of the temporary table. */
export const SPINE_TABLE = ':spine';

const RAW_TABLE = '":raw_spine"';

export const USUAL_TIME_COLUMNS = ['event_ts', 'event_timestamp'];

/** Times before it are probably whole seconds or milliseconds: as microseconds these lie in January 1970. */
const YEAR_1971 = 31_536_000_000_000;

/** A column of the spine that an entity key is read from. */
export interface KeyColumn {
  readonly key: EntityKey;
  readonly column: string;
  /** Whose key it is, for messages. */
  readonly entity: string;
}

export interface SpineRequest {
  readonly path: string;
  readonly keys: readonly KeyColumn[];
  /** The one asked for; must be there. */
  readonly timeColumn: string | undefined;
  /** Names to look for otherwise. */
  readonly usualTimes?: readonly string[];
  /** Columns that computed features read. */
  readonly request: readonly string[];
}

export interface LoadedSpine {
  readonly rows: number;
  readonly columns: readonly SourceColumn[];
  readonly timeColumn: string;
  /** The same columns as they are written out. */
  readonly kept: readonly KeptColumn[];
  /** Microseconds; null where no row has a time. */
  readonly lastTime: number | null;
  /** Rows that get nulls because their key or time is missing, or does not fit, by column. */
  readonly unusable: readonly { readonly column: string; readonly missing: number; readonly unfit: number }[];
  readonly warnings: readonly string[];
}

/** Leaves the table {@link SPINE_TABLE}. Throws `PRN_SPINE_INVALID` or `PRN_DATASET_SOURCE_*`. */
export async function loadSpine(
  session: TableSession,
  context: JobContext,
  request: SpineRequest,
): Promise<LoadedSpine> {
  return withSourceTable(request.path, { context, session }, async (table) => {
    const { columns } = table;
    const keys = requireColumns(request, columns);
    requirePlainNames(request.path, columns);
    await session.execute(`create temp table ${RAW_TABLE} as select * from ${table.relation}`);
    const evidence = await readColumnEvidence(session, RAW_TABLE, columns);
    const time = timeColumnOf(request, { columns, evidence });
    const shape = { keys, time };
    await session.execute(`create temp table ${quoteIdentifier(SPINE_TABLE)} as ${spineRows(RAW_TABLE, shape)}`);
    await session.execute(`drop table ${RAW_TABLE}`);
    const [counts = {}] = await session.rows(spineCounts(quoteIdentifier(SPINE_TABLE), shape));
    const number = (name: string): number => Number(counts[name] ?? 0);
    const lastTime = counts['last_time'] == null ? null : number('last_time');
    const unusable = [
      { column: time.name, missing: number('missing_time'), unfit: number('unfit_time') },
      ...keys.map(({ column }, index) => ({
        column: column.name,
        missing: number(`missing_key_${index}`),
        unfit: number(`unfit_key_${index}`),
      })),
    ];
    return {
      rows: number('rows'),
      columns,
      timeColumn: time.name,
      kept: columns.map((column, index) => ({
        ...column,
        evidence: evidence[index],
        // A key that its entity calls a text stays one, whatever it looks like.
        isText: keys.some(({ type, column: { name } }) => type === 'string' && name === column.name),
        untyped: table.untyped,
      })),
      lastTime,
      unusable,
      warnings: lastTime !== null && lastTime > 0 && lastTime < YEAR_1971 ? [secondsWarning(time.name)] : [],
    };
  });
}

/** Names all columns that are missing at once. */
function requireColumns({ path, keys, request }: SpineRequest, columns: readonly SourceColumn[]): SpineKey[] {
  const names = columns.map(({ name }) => name);
  const isMissing = ({ column }: { column: string }): boolean => !names.includes(column);
  const missing = keys.filter(isMissing);
  if (missing.length > 0)
    throw new DomainError('PRN_FEATURE_KEYS_MISSING', {
      missing: missing.map(({ column, entity }) => `${column} (of ${entity})${didYouMean(column, names)}`).join(', '),
      expected: [...new Set(keys.map(({ column }) => column))].join(', '),
      hint: `; ${path} has the columns ${names.join(', ')}`,
    });
  const fields = request.filter((column) => isMissing({ column }));
  if (fields.length > 0)
    throw new DomainError('PRN_FEATURE_MISSING', { field: fields.join(', '), expected: request.join(', ') });
  const read = new Map(keys.map(({ key: { type }, column }) => [SPINE.key(column, type), { type, name: column }]));
  return [...read.values()].flatMap(({ type, name }) => {
    const column = columns.find((each) => each.name === name);
    return column === undefined ? [] : [{ type, column }];
  });
}

/** Names with a colon in front are the join's own. */
function requirePlainNames(path: string, columns: readonly SourceColumn[]): void {
  const odd = columns.find(({ name }) => name.startsWith(':'));
  if (odd === undefined) return;
  const problem = `column ${odd.name} begins with a colon, as only columns of the join do; rename it`;
  throw new DomainError('PRN_SPINE_INVALID', { path, problem, columns: columns.map(({ name }) => name).join(', ') });
}

function timeColumnOf(
  { path, timeColumn, keys, usualTimes = USUAL_TIME_COLUMNS }: SpineRequest,
  { columns, evidence }: { columns: readonly SourceColumn[]; evidence: readonly ColumnEvidence[] },
): SourceColumn {
  const names = columns.map(({ name }) => name);
  const named = timeColumn === undefined ? usualTimes : [timeColumn];
  const [found] = named.flatMap((name) => columns.find((column) => column.name === name) ?? []);
  if (found !== undefined) return found;
  const refuse = (problem: string): DomainError =>
    new DomainError('PRN_SPINE_INVALID', { path, problem, columns: names.join(', ') });
  if (timeColumn !== undefined) throw refuse(`it has no column ${timeColumn}${didYouMean(timeColumn, names)} (--time)`);
  const times = columns.filter(({ name }, index) => {
    const { given = 0, times: readable = 0 } = evidence[index] ?? {};
    return given > 0 && readable === given && !keys.some(({ column }) => column === name);
  });
  const [only, another] = times;
  if (only === undefined)
    throw refuse(`no column says when each row is asked; name one event_ts, or give --time COLUMN`);
  if (another === undefined) return only;
  throw refuse(`columns ${times.map(({ name }) => name).join(', ')} all hold times; choose one with --time COLUMN`);
}

function secondsWarning(column: string): string {
  return `All times in ${column} lie in 1970: whole numbers are read as microseconds. If they are seconds or milliseconds, multiply them first.`;
}
