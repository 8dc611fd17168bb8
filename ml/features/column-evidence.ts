/** What the values of a column look like, counted over all of them: nothing is concluded from the first few. */
import { typedColumn } from './column-sql.js';
import { quoteIdentifier } from './expression/sql.js';
import type { SourceColumn } from './spine-sql.js';

/** Rows of a column by how their values can be read. A value can count more than once: `5` is whole and a number. */
export interface ColumnEvidence {
  readonly rows: number;
  /** Neither null nor NaN. */
  readonly given: number;
  readonly nan: number;
  /** Whole numbers as a machine writes them: no leading zero, no plus sign, exact in a double. */
  readonly whole: number;
  /** Whole numbers beyond ±(2^53 − 1), which no number here can hold exactly. */
  readonly huge: number;
  /** Whole numbers that are microseconds of the years 1980 to 2100, where a reader takes whole numbers for times. */
  readonly micros: number;
  readonly numbers: number;
  readonly infinite: number;
  /** Digits that begin with a needless zero or a plus sign: codes, not numbers. */
  readonly codes: number;
  readonly booleans: number;
  /** Dates and times that begin with the year. */
  readonly times: number;
  /** Objects and lists. */
  readonly nested: number;
  readonly texts: number;
}

const FIGURES = [
  'given',
  'nan',
  'whole',
  'huge',
  'micros',
  'numbers',
  'infinite',
  'codes',
  'booleans',
  'times',
  'nested',
  'texts',
] as const;

const WHOLE = '-?(0|[1-9]\\d*)';
const NUMBER = '-?((0|[1-9]\\d*)(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?';
const CODE = '-?0\\d+|\\+\\d+';
const TIME = '\\d{4}-\\d{1,2}-\\d{1,2}.*';

/**
 * One row with the counts of a column, to be read by {@link readEvidence}. Texts are looked at once for each different
 * value: patterns cost a hundred times as much as grouping.
 */
export function countEvidence(relation: string, column: SourceColumn): string {
  const tests = testsOf(column);
  const raw = quoteIdentifier(column.name);
  const counts = FIGURES.map((figure) => `sum(":n") filter (where ${tests[figure]})::bigint as ${figure}`);
  const isText = column.sourceType === 'VARCHAR' || column.sourceType === 'JSON';
  const values = isText
    ? `select ${raw}, count(*) as ":n" from ${relation} group by ${raw}`
    : `select ${raw}, 1 as ":n" from ${relation}`;
  return `select ${['coalesce(sum(":n"), 0)::bigint as rows', ...counts].join(', ')} from (${values})`;
}

export function readEvidence(row: Readonly<Record<string, unknown>> | undefined): ColumnEvidence {
  const figures = FIGURES.map((figure) => [figure, Number(row?.[figure] ?? 0)]);
  return { rows: Number(row?.['rows'] ?? 0), ...Object.fromEntries(figures) } as ColumnEvidence;
}

type Tests = Readonly<Record<(typeof FIGURES)[number], string>>;

function testsOf({ name, sourceType }: SourceColumn): Tests {
  const raw = quoteIdentifier(name);
  const none: Tests = {
    given: `${raw} is not null`,
    nan: 'false',
    whole: 'false',
    huge: 'false',
    micros: 'false',
    numbers: 'false',
    infinite: 'false',
    codes: 'false',
    booleans: 'false',
    times: 'false',
    nested: 'false',
    texts: 'false',
  };
  if (sourceType === 'VARCHAR') return { ...none, ...textTests(raw) };
  if (sourceType === 'JSON') return { ...none, ...jsonTests(raw) };
  if (/^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/.test(sourceType))
    return { ...none, whole: isSafe(raw), huge: `not ${isSafe(raw)}`, micros: isMicros(raw), numbers: none.given };
  if (/^(FLOAT|DOUBLE|DECIMAL)/.test(sourceType)) return { ...none, ...floatTests(`${raw}::double`) };
  if (sourceType === 'BOOLEAN') return { ...none, booleans: none.given };
  if (/^(TIMESTAMP|DATE)/.test(sourceType)) return { ...none, times: `${readTime(raw, sourceType)} is not null` };
  return { ...none, nested: none.given };
}

function textTests(raw: string): Partial<Tests> {
  const nan = `lower(${raw}) = 'nan'`;
  return {
    given: `${raw} is not null and not ${nan}`,
    nan,
    whole: `${matches(raw, WHOLE)} and ${isSafe(`try_cast(${raw} as bigint)`)}`,
    huge: `${matches(raw, WHOLE)} and not coalesce(${isSafe(`try_cast(${raw} as bigint)`)}, false)`,
    numbers: `${matches(raw, NUMBER)} and isfinite(try_cast(${raw} as double))`,
    infinite: `regexp_full_match(lower(${raw}), '[+-]?inf(inity)?')`,
    codes: matches(raw, CODE),
    booleans: `lower(${raw}) in ('true', 'false')`,
    micros: `${matches(raw, '\\d{15,17}')} and ${isMicros(`try_cast(${raw} as bigint)`)}`,
    times: `${matches(raw, TIME)} and ${readTime(raw, 'VARCHAR')} is not null`,
    texts: `${raw} is not null and not ${nan}`,
  };
}

function jsonTests(raw: string): Partial<Tests> {
  const text = `(${raw} ->> '$')`;
  const kind = `json_type(${raw})`;
  const whole = `${kind} in ('BIGINT', 'UBIGINT', 'HUGEINT')`;
  return {
    given: `${text} is not null`,
    whole: `${whole} and ${isSafe(`try_cast(${text} as bigint)`)}`,
    huge: `${whole} and not coalesce(${isSafe(`try_cast(${text} as bigint)`)}, false)`,
    micros: `${whole} and ${isMicros(`try_cast(${text} as bigint)`)}`,
    numbers: `${kind} in ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')`,
    booleans: `${kind} = 'BOOLEAN'`,
    times: `${kind} = 'VARCHAR' and ${matches(text, TIME)} and ${readTime(text, 'VARCHAR')} is not null`,
    nested: `${kind} in ('OBJECT', 'ARRAY')`,
    texts: `${kind} = 'VARCHAR'`,
  };
}

function floatTests(number: string): Partial<Tests> {
  return {
    given: `not isnan(${number})`,
    nan: `isnan(${number})`,
    whole: `${number} = floor(${number}) and ${isSafe(number)}`,
    huge: 'false',
    numbers: `isfinite(${number})`,
    infinite: `isinf(${number})`,
  };
}

function matches(text: string, pattern: string): string {
  return `regexp_full_match(${text}, '${pattern}')`;
}

function isSafe(number: string): string {
  return `(${number} between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER})`;
}

function isMicros(number: string): string {
  return `(${number} between ${Date.UTC(1980, 0)}000 and ${Date.UTC(2100, 0)}000)`;
}

function readTime(raw: string, sourceType: string): string {
  return typedColumn({ name: 'time', type: 'timestamp', nullable: true }, raw, sourceType).value;
}
