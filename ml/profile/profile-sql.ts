/** SQL of profiles: one row with all parts of all columns, taken in one pass over a relation. */
import { estimateDistinct, HIGHEST_RANK, writeRegisters } from '../../domain/distinct-sketch.js';
import { readMoments, STEPS } from '../../domain/moments.js';
import {
  capCategories,
  CATEGORY_CAP,
  CATEGORY_LENGTH,
  type ColumnFrame,
  type ColumnProfile,
  DISTINCT_REGISTERS,
  type MomentGrid,
} from '../../domain/profile.js';
import { quoteIdentifier, quoteText } from '../features/expression/sql.js';
import { LENGTH_EDGES } from './bins.js';
import { RANK_PLACES, REGISTER_BITS, registersOfRanks } from './distinct.js';

/** A column to profile, over any relation. */
export interface ProfiledColumn {
  readonly name: string;
  readonly type: ColumnProfile['type'];
  /** SQL of the value: null where it is missing, NaN or infinite. Numbers, booleans, times and texts as they are. */
  readonly value: string;
  /** SQL that is true where the value was NaN, or infinite; `false` where that cannot be. */
  readonly nan: string;
  readonly infinite: string;
  readonly frame: ColumnFrame;
  /** No text of the column is longer than what categories are compared by. */
  readonly short?: boolean;
  /** Least and greatest number, where they are known already; null without numbers. */
  readonly range?: { readonly min: number; readonly max: number } | null;
}

/** A row of a result, as the table engine gives it. */
export type ResultRow = Readonly<Record<string, Cell>>;
export type Cell = string | number | boolean | null;

/** The value as a double, as both paths hash and sum it. */
export function numberSql({ type, value }: Pick<ProfiledColumn, 'type' | 'value'>): string {
  return type === 'boolean' ? `(${value})::int::double` : `(${value})::double`;
}

/** Select items, named by the position of the column, for {@link readColumn}. `relation` is what the query selects from. */
export function profileItems(columns: readonly ProfiledColumn[], relation: string): string[] {
  return columns.flatMap((column, index) => {
    const parts = column.type === 'string' ? textParts(column, relation) : numberParts(column, relation);
    const counts = {
      given: `count(${column.value})`,
      ...(column.nan !== 'false' && { nans: `count(*) filter (where ${column.nan})` }),
      ...(column.infinite !== 'false' && { infinities: `count(*) filter (where ${column.infinite})` }),
    };
    return Object.entries({ ...counts, ...parts }).map(([part, sql]) => `${sql} as p${index}_${part}`);
  });
}

function numberParts(column: ProfiledColumn, relation: string): Record<string, string> {
  const value = numberSql(column);
  const { edges, grid } = column.frame;
  return {
    ...(column.range === undefined && { min: `min(${value})`, max: `max(${value})` }),
    ...(grid !== null && momentParts(value, grid)),
    ...(edges.length > 0 && { bins: binsSql(value, edges) }),
    distinct: distinctSql(value, relation),
  };
}

function momentParts(value: string, { pivot, exponent }: MomentGrid): Record<string, string> {
  const scaled = `((${value} - ${double(pivot)}) * ${double(2 ** -exponent)})`;
  return {
    sum: `sum(floor(${scaled} * ${double(STEPS)})::bigint)::varchar`,
    squares: `sum(floor(${scaled} * ${scaled} * ${double(STEPS)})::bigint)::varchar`,
  };
}

function textParts({ value, frame, short }: ProfiledColumn, relation: string): Record<string, string> {
  const category = short === true ? value : `left(${value}, ${CATEGORY_LENGTH})`;
  const members = frame.categories === null ? '' : ` and ${category} in (${memberList(frame.categories)})`;
  const groups = `select ${category} as value, count(*) as n from ${relation} and ${value} is not null${members} group by 1 order by 2 desc, 1 limit ${CATEGORY_CAP}`;
  return {
    lengths: binsSql(`length(${value})::double`, LENGTH_EDGES),
    distinct: distinctSql(value, relation),
    categories: `(select to_json(list({'value': value, 'count': n} order by n desc, value))::varchar from (${groups}))`,
  };
}

function memberList(categories: readonly string[]): string {
  return categories.length === 0 ? 'null' : categories.map(quoteText).join(', ');
}

/** Counts by bin as a JSON list; one more than the edges only where the last bin has rows. */
export function binsSql(value: string, edges: readonly number[]): string {
  return `map_values(histogram(${value}, [${edges.map(double).join(', ')}]))::varchar`;
}

/**
 * The highest rank of each register: a maximum needs no order, so any number of threads gives the same. The lowest set bit
 * with all bits below it grows with the rank, and as many bits are set in it.
 */
function distinctSql(value: string, relation: string): string {
  const hash = `hash(${value})`;
  const register = `(${hash} & ${DISTINCT_REGISTERS - 1})::int`;
  const rest = `((${hash} >> ${REGISTER_BITS}) | ${2 ** (HIGHEST_RANK - 1)}::ubigint)`;
  const highest = `select ${register} as register, max(xor(${rest}, ${rest} - 1)) as low from ${relation} and ${value} is not null group by 1`;
  return `(select to_json(list(register * ${RANK_PLACES} + bit_count(low)::int))::varchar from (${highest}))`;
}

/** Written as text, which is parsed to the nearest double; a bare literal would be a decimal. */
export function double(value: number): string {
  return `${quoteText(String(value))}::double`;
}

/** Minimum and maximum of numbers and the longest text, for {@link profileItems}' frames: `r<position>_low`, `_high`. */
export function rangeItems(columns: readonly Pick<ProfiledColumn, 'type' | 'value'>[]): string[] {
  return columns.flatMap((column, index) => {
    if (column.type === 'string') return [`max(strlen(${column.value})) as r${index}_high`];
    return [`min(${numberSql(column)}) as r${index}_low`, `max(${numberSql(column)}) as r${index}_high`];
  });
}

/** Select items of a sample, by position. */
export function sampleItems(columns: readonly Pick<ProfiledColumn, 'name' | 'type' | 'value'>[]): string[] {
  return columns.map((column, index) => {
    return `${column.type === 'string' ? column.value : numberSql(column)} as ${quoteIdentifier(`s${index}`)}`;
  });
}

/** The profile of the column at a position, of `rows` rows. */
export function readColumn(
  { name, type, frame, range }: ProfiledColumn,
  { row, index, rows }: { readonly row: ResultRow; readonly index: number; readonly rows: number },
): ColumnProfile {
  const part = (key: string): Cell => row[`p${index}_${key}`] ?? null;
  const given = Number(part('given'));
  const registers = registersOfRanks(JSON.parse(String(part('distinct') ?? '[]')) as number[]);
  const { grid } = frame;
  const exact =
    grid === null || given === 0 ? null : { grid, sum: String(part('sum')), squares: String(part('squares')) };
  const isText = type === 'string';
  const infinities = Number(part('infinities'));
  return {
    name,
    type,
    count: rows,
    nulls: rows - given - infinities,
    nans: Number(part('nans')),
    infinities,
    min: isText ? null : finite(range === undefined ? part('min') : (range?.min ?? null)),
    max: isText ? null : finite(range === undefined ? part('max') : (range?.max ?? null)),
    ...(exact === null ? { mean: null, m2: null } : readMoments(exact, given)),
    exact,
    histogram: isText ? null : { edges: frame.edges, counts: readBins(part('bins'), frame.edges, given) },
    categories: isText ? readCategories(part('categories'), frame, given) : null,
    lengths: isText ? { edges: [...LENGTH_EDGES], counts: readBins(part('lengths'), LENGTH_EDGES, given) } : null,
    distinctSketch: writeRegisters(registers),
    distinct: estimateDistinct(registers),
  };
}

export function readBins(list: Cell | undefined, edges: readonly number[], given: number): number[] {
  if (edges.length === 0) return [given];
  const counts = list == null ? [] : (JSON.parse(String(list)) as number[]);
  return Array.from({ length: edges.length + 1 }, (_unused, bin) => counts[bin] ?? 0);
}

function readCategories(
  list: Cell | undefined,
  { categories }: ColumnFrame,
  given: number,
): ColumnProfile['categories'] {
  const counted = list == null ? [] : (JSON.parse(String(list)) as { value: string; count: number }[]);
  const counts = new Map((categories ?? []).map((value) => [value, 0]));
  for (const { value, count } of counted) counts.set(value, Number(count));
  const listed = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return capCategories(counts, { other: given - listed, frozen: categories !== null });
}

/** Without the sign of a negative zero, which JSON cannot write. */
function finite(value: Cell): number | null {
  return typeof value === 'number' ? value + 0 : null;
}
