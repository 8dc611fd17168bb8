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

/**
 * Reads a source column as its declared type; `raw` is its quoted name, `sourceType` the reader's type of it. Nothing is
 * rounded or clipped: a fraction in an integer column, an infinite number and a time outside the safe range do not fit.
 */
export function typedColumn({ type }: DatasetColumn, raw: string, sourceType: string): TypedColumn {
  // A JSON value keeps its quotes when it is cast, so its text is taken out first.
  const text = sourceType === 'JSON' ? `(${raw} ->> '$')` : raw;
  const given = `(${text} is not null)`;
  const number = `try_cast(${text} as double)`;
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
      const whole = `try_cast(${text} as bigint)`;
      const exact = `${whole}::double = ${number} and ${isSafe(whole)}`;
      return { value: `case when ${exact} then ${whole} end`, present: presentNumber, ...NO_ODD_NUMBERS };
    }
    case 'boolean':
      return { value: `try_cast(${text} as boolean)`, present: given, ...NO_ODD_NUMBERS };
    case 'string':
      return { value: `${text}::varchar`, present: given, ...NO_ODD_NUMBERS };
    case 'timestamp':
      return { value: timestampValue({ raw, text, sourceType }), present: given, ...NO_ODD_NUMBERS };
  }
}

/** Whole numbers are microseconds already; as text only from 15 digits on, since fewer may as well be a date. */
function timestampValue({ raw, text, sourceType }: { raw: string; text: string; sourceType: string }): string {
  const parsed = parsedTime(`${text}::varchar`);
  const whole = `try_cast(${text} as bigint)`;
  if (/INT/.test(sourceType)) return `case when ${isSafe(whole)} then ${whole} end`;
  if (sourceType.startsWith('TIMESTAMP') || sourceType === 'DATE') {
    const time = `epoch_us(try_cast(${raw} as timestamp))`;
    return `case when ${isSafe(time)} then ${time} end`;
  }
  if (sourceType !== 'JSON') return `case when ${isSafe(parsed)} then ${parsed} end`;
  return `case when json_type(${raw}) in ('BIGINT', 'UBIGINT') then (case when ${isSafe(whole)} then ${whole} end) when ${isSafe(parsed)} then ${parsed} end`;
}

/** ISO 8601. The engine itself reads no offset behind a time without seconds; only what it cannot read is looked at again. */
function parsedTime(text: string): string {
  const epoch = (written: string): string => `epoch_us(try_cast(${written} as timestamptz)::timestamp)`;
  const withSeconds = `regexp_replace(${text}, '^(\\S+[T ]\\d{2}:\\d{2})(Z|[+-]\\d{2}:?\\d{2})$', '\\1:00\\2')`;
  const digits = `case when regexp_full_match(${text}, '\\d{15,17}') then try_cast(${text} as bigint) end`;
  return `coalesce(${epoch(text)}, ${epoch(withSeconds)}, ${digits})`;
}

function isSafe(value: string): string {
  return `(${value} between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER})`;
}
