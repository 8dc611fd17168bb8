/** SQL of validation: the rows of a source judged by all rules in one scan, then split in two. */
import type { DatasetColumn, DatasetSpec, ExpectationResult } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { KNOWN_COLUMN, SEQUENCE_COLUMN } from './dataset-sql.js';
import { checkExpression } from './expression/check.js';
import { quoteIdentifier, quoteText, renderSql } from './expression/sql.js';

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
  /** True where a row fails, over the relation `raw`. */
  readonly failsSql: string;
  /** Up to 20 offending rows as text. */
  readonly samplesSql: string;
}

/** Rules of the schema first, then the declared ones, each in declared order. Throws `PRN_EXPRESSION_INVALID`. */
export function rowRules(spec: DatasetSpec): RowRule[] {
  const types = Object.fromEntries(spec.columns.map(({ name, type }) => [name, type]));
  const schema = spec.columns.flatMap((column, index) => {
    const optional = column.nullable && column.name !== spec.eventTime;
    return schemaRules({ ...column, nullable: optional }, index);
  });
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

/** `raw` with the names of all failed rules (`__failed`), and whether a row must be set aside (`__aside`). */
export function judgedRows(spec: DatasetSpec): string {
  const rules = rowRules(spec);
  const failed = rules.map(({ name, failsSql }) => `case when ${failsSql} then ${quoteText(name)} end`);
  const aside = rules.filter(({ action }) => action === 'quarantine').map(({ failsSql }) => failsSql);
  const names =
    failed.length === 0 ? '[]::varchar[]' : `list_filter([${failed.join(', ')}], lambda name: name is not null)`;
  return `select *, ${names} as __failed, (${aside.length === 0 ? 'false' : aside.join(' or ')}) as __aside from raw`;
}

/** One row: all rows, those set aside, and the failing ones by key of their rule. */
export function countChecks(spec: DatasetSpec): string {
  const failing = rowRules(spec).map(
    ({ key, name }) => `count(*) filter (where list_contains(__failed, ${quoteText(name)})) as ${quoteIdentifier(key)}`,
  );
  return `select ${['count(*) as rows', 'count(*) filter (where __aside) as quarantined', ...failing].join(', ')} from judged`;
}

/** Rows beyond the first of each group of equal values, among the accepted ones. */
export function uniqueCounts(columns: readonly string[]): string {
  const list = columns.map(quoteIdentifier).join(', ');
  return `select coalesce(sum(n - 1), 0)::bigint as failing from (select count(*) as n from judged where not __aside group by ${list} having count(*) > 1)`;
}

/** Up to 20 such rows as text, each the second or later of its group. */
export function repeatedRows(columns: readonly string[]): string {
  const list = columns.map(quoteIdentifier).join(', ');
  return `select __raw as sample from (select __raw, __row, row_number() over (partition by ${list} order by __row) as n from judged where not __aside) where n > 1 order by __row limit 20`;
}

/** What a segment keeps: the declared columns, when each row was known, and its number in the source. */
export function acceptedRows(spec: DatasetSpec): string {
  const columns = spec.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const time = quoteIdentifier(spec.eventTime);
  const known = knownExpression(spec);
  return `select ${columns}, ${known} as ${KNOWN_COLUMN}, __row as ${SEQUENCE_COLUMN} from judged where not __aside order by ${time}, __row`;
}

/** First and last `event` and `known` of the accepted rows; the latter null where they are known at commit. */
export function acceptedBounds(spec: DatasetSpec): string {
  const [time, known] = [quoteIdentifier(spec.eventTime), knownExpression(spec)];
  return `select min(${time}) as min_event, max(${time}) as max_event, min(${known}) as min_known, max(${known}) as max_known from judged where not __aside`;
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
