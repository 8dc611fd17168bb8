/** Evidence of broken rules: the first offenders, and a query that finds all of them in the tables of a segment. */
import type { DatasetSpec } from '../../domain/dataset.js';
import type { Expectation } from '../../domain/expectations.js';
import { SAMPLE_CAP } from '../../domain/validation.js';
import { quoteIdentifier, quoteText } from '../features/expression/sql.js';
import { chosen } from './batch-rules.js';
import { ACCEPTED, ROW_NUMBER } from './judged-sql.js';
import { literal, columnTypes, type RowRule } from './row-rules.js';

/** Over `segment`, the accepted rows, and `quarantine`, those that were set aside. */
export function rowOffenders({ name, action, failsInSegment }: RowRule): string {
  const aside = `select source_row, raw from quarantine where list_contains(failed_rules, ${quoteText(name)})`;
  if (action === 'drop' || failsInSegment === null) return aside;
  return `select * from segment where ${failsInSegment}`;
}

/** Over `segment`; null for rules that no single rows break. */
export function batchOffenders(rule: Expectation, spec: DatasetSpec, canonical: string | null): string | null {
  if (canonical !== null) return `with source as (select * from segment) ${canonical}`;
  const where = chosen(rule, spec);
  const { unique, duplicates, present, values } = rule;
  const tuple = unique ?? (duplicates === undefined ? null : spec.columns.map(({ name }) => name));
  if (tuple !== null) {
    const list = tuple.map(quoteIdentifier).join(', ');
    return `select ${list}, count(*) as rows from segment where ${where} group by ${list} having count(*) > 1 order by rows desc`;
  }
  if (present !== undefined)
    return `select * from segment where ${where} and ${quoteIdentifier(present.column)} is null`;
  if (values === undefined) return null;
  return `select * from segment where ${where} and ${outside(values, spec)}`;
}

function outside({ column, in: listed }: NonNullable<Expectation['values']>, spec: DatasetSpec): string {
  const list = listed.map((value) => literal(value, columnTypes(spec)[column])).join(', ');
  return `${quoteIdentifier(column)} not in (${list})`;
}

/** Which accepted rows break a batch rule, as SQL of a condition over them; null for rules that no single rows break. */
export function batchCondition(rule: Expectation, spec: DatasetSpec): string | null {
  const { unique, duplicates, present, values } = rule;
  const where = chosen(rule, spec);
  if (present !== undefined) return `${where} and ${quoteIdentifier(present.column)} is null`;
  if (values !== undefined) return `${where} and ${outside(values, spec)}`;
  const tuple = unique ?? (duplicates === undefined ? null : spec.columns.map(({ name }) => name));
  if (tuple === null) return null;
  const list = tuple.map(quoteIdentifier).join(', ');
  const later = `select rowid as place, row_number() over (partition by ${list} order by rowid) as n from ${ACCEPTED} and ${where}`;
  return `rowid in (select place from (${later}) where n > 1)`;
}

/** `value` and `count` of the values that offend most often, and nothing for rules without such. */
export function batchValues(
  { unique, duplicates, values }: Expectation,
  spec: DatasetSpec,
  condition: string,
): string | null {
  const tuple = unique ?? (duplicates === undefined ? null : spec.columns.map(({ name }) => name));
  const columns = tuple ?? (values === undefined ? null : [values.column]);
  if (columns === null) return null;
  const [single] = columns;
  const value =
    single === undefined || columns.length > 1 ? recordText(columns, spec) : `${shown(single, spec)}::varchar`;
  return `select coalesce(${value}, '(missing)') as value, count(*) as count from ${ACCEPTED} and ${condition} group by 1 order by 2 desc, 1 limit ${SAMPLE_CAP}`;
}

function recordText(columns: readonly string[], spec: DatasetSpec): string {
  return `to_json({${columns.map((name) => `${quoteText(name)}: ${shown(name, spec)}`).join(', ')}})::varchar`;
}

/** A value for people: times as dates. */
function shown(column: string, spec: DatasetSpec): string {
  const value = quoteIdentifier(column);
  return columnTypes(spec)[column] === 'timestamp' ? `make_timestamp(${value})` : value;
}

/** `row` and `key` of the first rows for which a condition over the judged ones is true. */
export function firstRows(spec: DatasetSpec, condition: string): string {
  const key = recordText([...new Set([...spec.keys, spec.eventTime])], spec);
  return `select ${ROW_NUMBER} as row, ${key} as key from ${condition} order by rowid limit ${SAMPLE_CAP}`;
}
