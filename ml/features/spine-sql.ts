/**
 * SQL of a spine: the rows somebody asks about, in the order they came, with keys and time as the feature rows have them.
 * A spine is not a dataset: nothing is declared about its columns but what its entity keys are, so values are coerced.
 */
import type { EntityKey } from '../../domain/feature-view.js';
import { typedColumn } from './column-sql.js';
import { quoteIdentifier } from './expression/sql.js';

/** A column of a source, and its reader's own type of it. */
export interface SourceColumn {
  readonly name: string;
  readonly sourceType: string;
}

/** Columns of {@link spineRows} beside the spine's own, by their plain names; no file's reader makes such names. */
export const SPINE = {
  row: ':row',
  /** When the question is asked, microseconds; null where the spine has no time that can be read. */
  time: ':time',
  /** A column coerced to the type of an entity key; null where it is missing or does not fit. */
  key: (column: string, type: EntityKey['type']): string => `:${type}_key_${column}`,
} as const;

/** SQL over a source column: its value as wanted, and whether the source has anything there. */
export interface CoercedValue {
  readonly value: string;
  readonly given: string;
}

/** A column that keys are read from. */
export interface SpineKey {
  readonly type: EntityKey['type'];
  readonly column: SourceColumn;
}

export interface SpineShape {
  readonly keys: readonly SpineKey[];
  readonly time: SourceColumn;
}

const WHOLE_NUMBERS = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;
const FRACTIONS = /^(FLOAT|DOUBLE|DECIMAL)/;
const TEXTS = /^(VARCHAR|ENUM|UUID)/;

/** All rows of a relation with the columns of {@link SPINE}; rows are numbered from 1 in the order of the relation. */
export function spineRows(relation: string, { keys, time }: SpineShape): string {
  const coerced = keys.map(({ type, column }) => as(coerceKey(column, type).value, SPINE.key(column.name, type)));
  const columns = ['*', as('row_number() over ()', SPINE.row), as(coerceTime(time).value, SPINE.time), ...coerced];
  return `select ${columns.join(', ')} from ${relation}`;
}

/** One row: `rows`, and for time and keys those without a value (`missing_…`) and those with one that does not fit (`unfit_…`). */
export function spineCounts(spine: string, { keys, time }: SpineShape): string {
  const counts = [
    ...unusable(coerceTime(time), { coerced: SPINE.time, name: 'time' }),
    ...keys.flatMap(({ type, column }, index) =>
      unusable(coerceKey(column, type), { coerced: SPINE.key(column.name, type), name: `key_${index}` }),
    ),
  ];
  const last = `max(${quoteIdentifier(SPINE.time)}) as last_time, min(${quoteIdentifier(SPINE.time)}) as first_time`;
  return `select count(*) as rows, ${[last, ...counts].join(', ')} from ${spine}`;
}

function unusable({ given }: CoercedValue, { coerced, name }: { coerced: string; name: string }): string[] {
  return [
    `count(*) filter (where not ${given}) as missing_${name}`,
    `count(*) filter (where ${given} and ${quoteIdentifier(coerced)} is null) as unfit_${name}`,
  ];
}

/**
 * A key as its entity declares it, so that 5, 5.0, "5" and a 32-bit 5 ask about the same entity. Fractions, truth values,
 * times and nested values are no keys.
 */
export function coerceKey(column: SourceColumn, type: EntityKey['type']): CoercedValue {
  const { value, given } = asText(column);
  return type === 'string'
    ? { value, given }
    : { value: typedColumn(declared(column, 'integer'), value, 'VARCHAR').value, given };
}

/** Whole numbers are microseconds, also as text; other texts are ISO 8601, in UTC where they name no offset. */
export function coerceTime(column: SourceColumn): CoercedValue {
  const { name, sourceType } = column;
  const raw = quoteIdentifier(name);
  const time = declared(column, 'timestamp');
  if (/^(TIMESTAMP|DATE)/.test(sourceType))
    return { value: typedColumn(time, raw, sourceType).value, given: `(${raw} is not null)` };
  const { value: text, given } = asText(column);
  const whole = typedColumn(declared(column, 'integer'), text, 'VARCHAR').value;
  const parsed = typedColumn(time, text, 'VARCHAR').value;
  return { value: `case when regexp_full_match(${text}, '\\s*[+-]?\\d+\\s*') then ${whole} else ${parsed} end`, given };
}

/** Whole numbers that came as floats lose their fraction: data frames make floats of integers as soon as one is missing. */
function asText({ name, sourceType }: SourceColumn): CoercedValue {
  const raw = quoteIdentifier(name);
  const given = `(${raw} is not null)`;
  if (TEXTS.test(sourceType)) return { value: `${raw}::varchar`, given };
  if (WHOLE_NUMBERS.test(sourceType)) return { value: `${raw}::varchar`, given };
  if (FRACTIONS.test(sourceType))
    return { value: wholeText(`${raw}::double`), given: `(${raw} is not null and not isnan(${raw}::double))` };
  if (sourceType !== 'JSON') return { value: 'null::varchar', given };
  const text = `(${raw} ->> '$')`;
  const value = `case json_type(${raw}) when 'DOUBLE' then ${wholeText(`try_cast(${text} as double)`)} when 'BOOLEAN' then null when 'OBJECT' then null when 'ARRAY' then null else ${text} end`;
  return { value: `(${value})`, given: `(${text} is not null)` };
}

function wholeText(number: string): string {
  return `(case when ${number} = floor(${number}) then try_cast(${number} as bigint)::varchar end)`;
}

function declared({ name }: SourceColumn, type: 'integer' | 'timestamp'): Parameters<typeof typedColumn>[0] {
  return { name, type, nullable: true };
}

function as(sql: string, name: string): string {
  return `${sql} as ${quoteIdentifier(name)}`;
}
