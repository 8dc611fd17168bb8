/** SQL of ingestion: a source read as text-safe columns, typed, judged by all rules in one scan, split in two. */
import type { ColumnType, DatasetColumn, DatasetSpec, ExpectationResult, FileFormat } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { checkExpression } from './expression/check.js';
import { quoteIdentifier, quoteText, renderSql } from './expression/sql.js';
import { KNOWN_COLUMN, SEQUENCE_COLUMN } from './dataset-sql.js';

export interface CheckCounts {
  readonly rows: number;
  readonly quarantined: number;
  /** Failing rows by key of the rule. */
  readonly failing: Readonly<Record<string, number>>;
}

/** A rule on single rows: the expectations, and the types and nulls that the schema demands. */
export interface RowRule {
  /** Column of {@link countChecks}. */
  readonly key: string;
  readonly name: string;
  readonly action: ExpectationResult['action'];
  readonly mostly: number;
  /** True where a row fails, over the relation `typed`. */
  readonly failsSql: string;
  /** Up to 20 offending rows as text. */
  readonly samplesSql: string;
}

const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  float: 'double',
  integer: 'bigint',
  string: 'varchar',
  boolean: 'boolean',
  timestamp: 'bigint',
};

/** A source as SQL reads it. `header` are the columns of a CSV file's first line, empty for other formats. */
export interface SourceScan {
  readonly format: FileFormat;
  readonly path: string;
  readonly header: readonly string[];
}

function scan({ format, path, header }: SourceScan): string {
  const file = quoteText(path);
  if (format === 'parquet') return `read_parquet(${file})`;
  if (format === 'ndjson') return `read_json(${file}, format = 'newline_delimited', sample_size = -1)`;
  // Nothing is guessed: a sniffer fails without naming the bad line, or takes a ragged file for one column. All is read
  // as text, so that a value that does not fit is a finding about its row and not the end of the file.
  const columns = header.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ');
  const dialect = `delim = ',', quote = '"', escape = '"', header = true`;
  return `read_csv(${file}, auto_detect = false, ${dialect}, columns = {${columns}}, strict_mode = true, null_padding = false)`;
}

export function describeSource(source: SourceScan): string {
  return `describe select * from ${scan(source)}`;
}

/** The source with its raw values beside the typed ones. `types` are the reader's own column types. */
export function attemptSource(spec: DatasetSpec, source: SourceScan, types: Readonly<Record<string, string>>): string {
  const columns = spec.columns.map((column) => {
    const raw = quoteIdentifier(column.from ?? column.name);
    return `${typedValue(column, raw, types[column.from ?? column.name] ?? 'VARCHAR')} as ${quoteIdentifier(column.name)}, (${raw} is not null) as ${quoteIdentifier(`__has_${column.name}`)}`;
  });
  const raw = spec.columns.map(({ name, from }) => `${quoteText(name)}: ${quoteIdentifier(from ?? name)}`).join(', ');
  return `select ${columns.join(', ')}, row_number() over () as __row, to_json({${raw}})::varchar as __raw from ${scan(source)}`;
}

function typedValue(column: DatasetColumn, raw: string, sourceType: string): string {
  if (column.type !== 'timestamp') return `try_cast(${raw} as ${SQL_TYPES[column.type]})`;
  if (sourceType.startsWith('TIMESTAMP') || sourceType === 'DATE') return `epoch_us(${raw}::timestamp)`;
  if (/INT/.test(sourceType)) return `${raw}::bigint`;
  return `epoch_us(try_cast(${raw} as timestamptz)::timestamp)`;
}

export function rowRules(spec: DatasetSpec): RowRule[] {
  const types = Object.fromEntries(spec.columns.map(({ name, type }) => [name, type]));
  const schema = spec.columns.flatMap((column, index) => schemaRules(column, index));
  const declared = spec.expectations.flatMap((rule, index) => {
    if (rule.expression === undefined) return [];
    const checked = checkExpression(rule.expression, types);
    return [
      makeRule({
        key: `rule_${index}`,
        name: rule.name,
        action: rule.action,
        mostly: rule.mostly,
        failsSql: `coalesce(not ${renderSql(checked)}, false)`,
      }),
    ];
  });
  return [...schema, ...declared];
}

function schemaRules({ name, type, nullable }: DatasetColumn, index: number): RowRule[] {
  const [value, present] = [quoteIdentifier(name), quoteIdentifier(`__has_${name}`)];
  const base = { action: 'quarantine' as const, mostly: 1 };
  const typed = makeRule({
    ...base,
    key: `type_${index}`,
    name: `${name}-is-${type}`,
    failsSql: `(${present} and ${value} is null)`,
  });
  const notNull = makeRule({ ...base, key: `null_${index}`, name: `${name}-is-given`, failsSql: `(not ${present})` });
  return nullable ? [typed] : [typed, notNull];
}

function makeRule(rule: Omit<RowRule, 'samplesSql'>): RowRule {
  return {
    ...rule,
    samplesSql: `select __raw as sample from judged where list_contains(__failed, ${quoteText(rule.name)}) order by __row limit 20`,
  };
}

/** `raw` with the names of all failed rules, and whether a row must be set aside. */
export function judgedRows(spec: DatasetSpec): string {
  const rules = rowRules(spec);
  const failed = rules.map(({ name, failsSql }) => `case when ${failsSql} then ${quoteText(name)} end`);
  const aside = rules.filter(({ action }) => action === 'quarantine').map(({ failsSql }) => failsSql);
  const names =
    failed.length === 0 ? '[]::varchar[]' : `list_filter([${failed.join(', ')}], lambda name: name is not null)`;
  return `select *, ${names} as __failed, (${aside.length === 0 ? 'false' : aside.join(' or ')}) as __aside from raw`;
}

export function countChecks(spec: DatasetSpec): string {
  const failing = rowRules(spec).map(
    ({ key, name }) => `count(*) filter (where list_contains(__failed, ${quoteText(name)})) as ${quoteIdentifier(key)}`,
  );
  return `select ${['count(*) as rows', 'count(*) filter (where __aside) as quarantined', ...failing].join(', ')} from judged`;
}

/** Rows beyond the first of each group of equal values. */
export function uniqueCounts(columns: readonly string[]): string {
  const list = columns.map(quoteIdentifier).join(', ');
  return `select coalesce(sum(n - 1), 0)::bigint as failing from (select count(*) as n from judged where not __aside group by ${list} having count(*) > 1)`;
}

export function acceptedRows(spec: DatasetSpec): string {
  const columns = spec.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const time = quoteIdentifier(spec.eventTime);
  const known = knownExpression(spec);
  return `select ${columns}, ${known} as ${KNOWN_COLUMN}, __row as ${SEQUENCE_COLUMN} from judged where not __aside order by ${time}, __row`;
}

function knownExpression({ knowledge, eventTime }: DatasetSpec): string {
  if (knowledge.from === 'commit') return 'null::bigint';
  if (knowledge.from === 'column') return quoteIdentifier(knowledge.column);
  return `${quoteIdentifier(eventTime)} + ${durationMicros(knowledge.delay)}`;
}

/** Raw text, source row and all failed rules: what a person needs to decide. */
export function quarantinedRows(): string {
  return 'select __row as source_row, __raw as raw, __failed as failed_rules from judged where __aside order by __row';
}

export interface ColumnProfileSql {
  readonly column: DatasetColumn;
  readonly statistics: string;
  /** The most frequent texts; null for other columns. */
  readonly top: string | null;
}

export function profileColumns(spec: DatasetSpec): ColumnProfileSql[] {
  return spec.columns.map((column) => {
    const value = quoteIdentifier(column.name);
    const isNumber = column.type !== 'string' && column.type !== 'boolean';
    const moments = isNumber
      ? `min(${value})::double as min, max(${value})::double as max, avg(${value})::double as mean, stddev_pop(${value})::double as standard_deviation`
      : 'null as min, null as max, null as mean, null as standard_deviation';
    const statistics = `select count(*) as count, count(*) - count(${value}) as nulls, approx_count_distinct(${value}) as distinct_values, ${moments} from judged where not __aside`;
    const top =
      column.type === 'string'
        ? `select ${value} as value, count(*) as count from judged where not __aside and ${value} is not null group by 1 order by 2 desc, 1 limit 20`
        : null;
    return { column, statistics, top };
  });
}
