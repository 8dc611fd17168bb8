/**
 * The one scan of a source: its rows with typed values and, as bit masks, all rules that each row breaks. Everything else
 * is asked of that table: counts and profile in one query, and the split into accepted and quarantined rows.
 */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import { SAMPLE_CAP } from '../../domain/validation.js';
import { KNOWN_COLUMN, SEQUENCE_COLUMN } from '../features/dataset-sql.js';
import { quoteIdentifier, quoteText } from '../features/expression/sql.js';
import { ATTEMPT } from '../features/source-sql.js';
import type { ResultRow } from '../profile/profile-sql.js';
import { knownExpression, type RowRule } from './row-rules.js';

/** Bits of one mask: what a BIGINT holds without its sign, and a double exactly. */
const MASK_BITS = 52;

/** Number of the row in the source, from 1, over all its files. */
export const ROW_NUMBER = '(rowid + 1)';

export const JUDGED = 'judged';
/** Relations for {@link JUDGED}, each ending in a condition, so that more can be added with `and`. */
export const ACCEPTED = `${JUDGED} where not __aside`;
export const ALL_ROWS = `${JUDGED} where true`;

/** Bit of a rule by its position, as SQL over {@link JUDGED}. */
export function failsAt(position: number): string {
  return `(${mask('__bad', position)} & ${bit(position)} <> 0)`;
}

/** Bit of a float column by its position among them: the source had NaN. */
export function nanAt(position: number): string {
  return `(${mask('__nan', position)} & ${bit(position)} <> 0)`;
}

function mask(name: string, position: number): string {
  return `${name}_${Math.floor(position / MASK_BITS)}`;
}

function bit(position: number): number {
  return 2 ** (position % MASK_BITS);
}

export function floatColumns({ columns }: DatasetSpec): string[] {
  return columns.filter(({ type }) => type === 'float').map(({ name }) => name);
}

/** Rows of {@link JUDGED} made from attempted ones. Raw values are kept of rows that break a rule. */
export function judgeRows(spec: DatasetSpec, rules: readonly RowRule[], attempt: string): string {
  const bad = masksOf(
    '__bad',
    rules.map(({ fails }) => fails),
  );
  const nan = masksOf(
    '__nan',
    floatColumns(spec).map((name) => quoteIdentifier(ATTEMPT.nan(name))),
  );
  const broken = bad.map(({ name }) => `${name} <> 0`).join(' or ') || 'false';
  const columns = spec.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const raw = spec.columns.map(({ name }) => `${quoteText(name)}: ${quoteIdentifier(ATTEMPT.raw(name))}`).join(', ');
  const masks = [...bad, ...nan];
  const inner = `select *${masks.map(({ name, sql }) => `, ${sql} as ${name}`).join('')} from (${attempt})`;
  return `select ${[columns, ...masks.map(({ name }) => name)].join(', ')}, ${asideSql(rules)} as __aside, case when ${broken} then to_json({${raw}})::varchar end as __raw from (${inner})`;
}

function masksOf(name: string, conditions: readonly string[]): { name: string; sql: string }[] {
  const masks = Math.ceil(conditions.length / MASK_BITS);
  return Array.from({ length: masks }, (_unused, index) => {
    const own = conditions.slice(index * MASK_BITS, (index + 1) * MASK_BITS);
    const sql = own
      .map((condition, at) => `(case when ${condition} then ${2 ** at}::bigint else 0::bigint end)`)
      .join(' | ');
    return { name: `${name}_${index}`, sql: `(${sql})` };
  });
}

function asideSql(rules: readonly RowRule[]): string {
  const masks = new Map<string, bigint>();
  for (const [position, { action }] of rules.entries()) {
    if (action !== 'drop') continue;
    const name = mask('__bad', position);
    masks.set(name, (masks.get(name) ?? 0n) | BigInt(bit(position)));
  }
  return `(${[...masks].map(([name, bits]) => `${name} & ${bits} <> 0`).join(' or ') || 'false'})`;
}

/** One row over {@link JUDGED}: `rows`, `quarantined`, and `broken_<n>`, the union of each mask. */
export function countRows(rules: readonly RowRule[]): string {
  const masks = Array.from({ length: Math.ceil(rules.length / MASK_BITS) }, (_unused, index) => index);
  const unions = masks.map((index) => `bit_or(__bad_${index}) as broken_${index}`);
  const counts = ['count(*) as rows', 'count(*) filter (where __aside) as quarantined'];
  return `select ${[...counts, ...unions].join(', ')} from ${JUDGED}`;
}

/** Positions of the rules that some row breaks, from the answer to {@link countRows}. */
export function brokenPositions(rules: readonly RowRule[], row: ResultRow): Set<number> {
  const broken = rules
    .map((_rule, position) => position)
    .filter((position) => {
      const union = BigInt(String(row[mask('broken', position)] ?? 0));
      return (union & BigInt(bit(position))) !== 0n;
    });
  return new Set(broken);
}

/** One row over {@link JUDGED} by position of its rule: `f<n>` failing, `w<n>` asked, `m<n>` without a value; null where nothing is to be counted. */
export function countRules(rules: readonly RowRule[], broken: ReadonlySet<number>): string | null {
  const items = rules.flatMap(({ where, column, declared }, position) => [
    ...(broken.has(position) ? [`count(*) filter (where ${failsAt(position)}) as f${position}`] : []),
    ...(where === null ? [] : [`count(*) filter (where ${where}) as w${position}`]),
    ...(column === null || declared === null || !broken.has(position)
      ? []
      : [`count(*) filter (where ${where ?? 'true'} and ${quoteIdentifier(column)} is null) as m${position}`]),
  ]);
  return items.length === 0 ? null : `select ${items.join(', ')} from ${JUDGED}`;
}

/** `value` and `count` of the most frequent offending values, as the source wrote them; what is missing has no value. */
export function offendingValues({ column }: RowRule, position: number): string {
  const value = column === null ? '__raw' : `json_extract_string(__raw, '$."${column}"')`;
  const failing = `select ${value} as value from ${JUDGED} where ${failsAt(position)}`;
  return `select value, count(*) as count from (${failing}) where value is not null group by 1 order by 2 desc, 1 limit ${SAMPLE_CAP}`;
}

/** Smallest and largest failing number, or length of a text. */
export function failingRange({ column, type }: { column: string; type: ColumnType }, position: number): string {
  const value = type === 'string' ? `length(${quoteIdentifier(column)})` : quoteIdentifier(column);
  return `select min(${value})::double as low, max(${value})::double as high from ${JUDGED} where ${failsAt(position)}`;
}

/**
 * What a segment keeps: the declared columns, when each row was known (null: at commit), and its number in the source, by
 * event time. Sorted even where the rows stand in order already: a copy of filtered rows cuts row groups by thread.
 */
export function acceptedRows(spec: DatasetSpec): string {
  const columns = spec.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const known = knownExpression(spec, null);
  return `select ${columns}, ${known} as ${KNOWN_COLUMN}, ${ROW_NUMBER} as ${SEQUENCE_COLUMN} from ${ACCEPTED} order by ${quoteIdentifier(spec.eventTime)}, rowid`;
}

/** First and last `event` and `known` of the accepted rows; the latter null where they are known at commit. */
export function acceptedBounds(spec: DatasetSpec): string {
  const [time, known] = [quoteIdentifier(spec.eventTime), knownExpression(spec, null)];
  const items = {
    min_event: `min(${time})`,
    max_event: `max(${time})`,
    min_known: `min(${known})`,
    max_known: `max(${known})`,
  };
  const selected = Object.entries(items).map(([name, sql]) => `${sql} as ${name}`);
  return `select ${selected.join(', ')} from ${ACCEPTED}`;
}

/** A file of a source, and the number of its first row among all. */
export interface FileRows {
  readonly uri: string;
  readonly firstRow: number;
}

/**
 * What a person needs to decide: where each row stands (`source_row` from 1 over all files, `source_file`, and `file_row`
 * from 1 in that file), its raw values as JSON, and all rules it breaks.
 */
export function quarantinedRows(rules: readonly RowRule[], files: readonly FileRows[]): string {
  const failed = rules.map(({ name }, position) => `case when ${failsAt(position)} then ${quoteText(name)} end`);
  const from = [...files].sort((left, right) => right.firstRow - left.firstRow);
  const cases = (value: (file: FileRows) => string): string =>
    `(case ${from.map((file) => `when ${ROW_NUMBER} >= ${file.firstRow} then ${value(file)}`).join(' ')} end)`;
  const place = `${cases(({ uri }) => quoteText(uri))} as source_file, ${cases(({ firstRow }) => `${ROW_NUMBER} - ${firstRow - 1}`)} as file_row`;
  return `select ${ROW_NUMBER} as source_row, ${place}, __raw as raw, list_filter([${failed.join(', ')}], lambda name: name is not null) as failed_rules from ${JUDGED} where __aside order by rowid`;
}
