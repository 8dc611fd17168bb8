/** How declared columns are kept in DuckDB and Parquet, and how source values become such columns. */
import type { ColumnType, DatasetColumn } from '../../domain/dataset.js';

/** Timestamps are microseconds UTC. */
export const COLUMN_SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  float: 'double',
  integer: 'bigint',
  string: 'varchar',
  boolean: 'boolean',
  timestamp: 'bigint',
};

const NO_ODD_NUMBERS = { nan: null, infinite: null } as const;

/** Value and presence of a column, as SQL over a source. */
export interface TypedColumn {
  /** Null where the source has nothing, or nothing that fits the type. */
  readonly value: string;
  /** False where the source has nothing: null, or NaN in a column of numbers, which is how data frames write it. */
  readonly present: string;
  /** Whether the source has NaN, or an infinite number; null for columns that are not of floats. */
  readonly nan: string | null;
  readonly infinite: string | null;
}

/** What the value of a column is made of: expressions, or names under which a relation has them already. */
export interface ColumnCasts {
  /** A JSON value keeps its quotes when it is cast, so its text is taken out first. */
  readonly text: string;
  readonly number: string;
  readonly whole: string;
  /** Microseconds, of any size. */
  readonly time: string;
}

/** `raw` is the quoted name of a source column, `sourceType` the reader's type of it. */
export function castsOf(raw: string, sourceType: string): ColumnCasts {
  const text = sourceType === 'JSON' ? `(${raw} ->> '$')` : raw;
  const digits = digitsOf(text, sourceType);
  const whole = `try_cast(${digits} as bigint)`;
  return { text, number: `try_cast(${digits} as double)`, whole, time: timeOf({ raw, text, sourceType, whole }) };
}

/** What numbers are read from. As text the engine would read 1_000 as a thousand, as its own literals are written. */
function digitsOf(text: string, sourceType: string): string {
  if (sourceType === 'VARCHAR') return `case when not contains(${text}, '_') then ${text} end`;
  // Its text is taken out of JSON wherever it is mentioned.
  return sourceType === 'JSON' ? `replace(${text}, '_', '?')` : text;
}

/** Casts that {@link typedFrom} mentions more than once: an engine computes each mention inside a CASE anew. */
export const REPEATED_CASTS: Readonly<Record<ColumnType, readonly (keyof ColumnCasts)[]>> = {
  float: ['number'],
  integer: ['number', 'whole'],
  timestamp: ['time'],
  string: [],
  boolean: [],
};

/** Reads a source column as its declared type; `raw` is its quoted name, `sourceType` the reader's type of it. */
export function typedColumn({ type }: DatasetColumn, raw: string, sourceType: string): TypedColumn {
  return typedFrom(type, castsOf(raw, sourceType));
}

/**
 * Nothing is rounded or clipped: a fraction in an integer column, an infinite number and a time outside the safe range do
 * not fit.
 */
export function typedFrom(type: ColumnType, { text, number, whole, time }: ColumnCasts): TypedColumn {
  const given = `(${text} is not null)`;
  const isNan = `coalesce(isnan(${number}), false)`;
  const presentNumber = `(${text} is not null and not ${isNan})`;
  switch (type) {
    case 'float':
      return {
        value: `case when isfinite(${number}) then ${number} end`,
        present: presentNumber,
        nan: isNan,
        infinite: `coalesce(isinf(${number}), false)`,
      };
    case 'integer': {
      const exact = `${whole}::double = ${number} and ${isSafe(whole)}`;
      return { value: `case when ${exact} then ${whole} end`, present: presentNumber, ...NO_ODD_NUMBERS };
    }
    case 'boolean':
      return { value: `try_cast(${text} as boolean)`, present: given, ...NO_ODD_NUMBERS };
    case 'string':
      return { value: `${text}::varchar`, present: given, ...NO_ODD_NUMBERS };
    case 'timestamp':
      return { value: `case when ${isSafe(time)} then ${time} end`, present: given, ...NO_ODD_NUMBERS };
  }
}

/** Whole numbers are microseconds already; as text only from 15 digits on, since fewer may as well be a date. */
function timeOf(source: { raw: string; text: string; sourceType: string; whole: string }): string {
  const { raw, text, sourceType, whole } = source;
  if (/INT/.test(sourceType)) return whole;
  if (sourceType.startsWith('TIMESTAMP') || sourceType === 'DATE') return `epoch_us(try_cast(${raw} as timestamp))`;
  const parsed = parsedTime(`${text}::varchar`);
  if (sourceType !== 'JSON') return parsed;
  return `case when json_type(${raw}) in ('BIGINT', 'UBIGINT') then ${whole} else ${parsed} end`;
}

/**
 * ISO 8601. A plain time is read four times as fast as one with a zone, but its cast would ignore an offset, which starts
 * with a sign. The engine itself reads no offset behind a time without seconds; only what it cannot read is looked at again.
 */
function parsedTime(text: string): string {
  const epoch = (written: string): string => `epoch_us(try_cast(${written} as timestamptz))`;
  const plain = `epoch_us(try_cast(${text} as timestamp))`;
  const hasOffset = `(contains(${text}, '+') or contains(substr(${text}, 11), '-'))`;
  const withSeconds = `regexp_replace(${text}, '^(\\S+[T ]\\d{2}:\\d{2})(Z|[+-]\\d{2}:?\\d{2})$', '\\1:00\\2')`;
  const digits = `case when regexp_full_match(${text}, '\\d{15,17}') then try_cast(${text} as bigint) end`;
  const zoned = `case when not regexp_matches(substr(${text}, -9), '${NO_OFFSET}') then coalesce(${epoch(text)}, ${epoch(withSeconds)}) end`;
  return `coalesce(case when not ${hasOffset} then ${plain} end, ${zoned}, ${digits})`;
}

/**
 * What ends like an offset and is none, as they go to 23:59 (see `parseIso`): the engine would take +99:99 for four days
 * and more.
 */
const NO_OFFSET = '[+-](2[4-9]|[3-9]\\d|\\d\\d:?[6-9]\\d|\\d\\d:?\\d\\d:?[6-9]\\d)[\\d:]*$';

function isSafe(value: string): string {
  return `(${value} between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER})`;
}
