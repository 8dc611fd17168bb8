/** Row rules as SQL conditions over the rows as they were attempted: typed columns, presence and raw values beside. */
import type { ColumnType, DatasetColumn, DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { type Expectation, isRowRule, type RuleAction, type Severity, severityOf } from '../../domain/expectations.js';
import { checkExpression } from '../features/expression/check.js';
import { quoteIdentifier, quoteText, renderSql } from '../features/expression/sql.js';
import { ATTEMPT } from '../features/source-sql.js';
import { double } from '../profile/profile-sql.js';

export interface RowRule {
  readonly name: string;
  readonly action: RuleAction;
  readonly severity: Severity;
  readonly mostly: number;
  /** The column whose values are shown as examples; null for rules over several. */
  readonly column: string | null;
  /** True where the rule is asked; null for all rows. */
  readonly where: string | null;
  /** True where a row fails, `where` included. Never null. */
  readonly fails: string;
  readonly threshold: string;
  /** False where there is nothing to judge by: no time of ingestion, no version of the other dataset. */
  readonly evidence: boolean;
  /** True where a row of the segment fails, over its columns alone; null where they do not tell. */
  readonly failsInSegment: string | null;
  /** Null for rules that the schema makes. */
  readonly declared: Expectation | null;
}

/** What conditions may refer to beside the row. */
export interface RowScope {
  readonly spec: DatasetSpec;
  /** When the source came in, microseconds; null where nobody said. */
  readonly receivedTs: number | null;
  /** Tables of {@link loadReferences} by the name of their rule. */
  readonly referenced: ReadonlyMap<string, string>;
}

/** Rules of the schema first, then the declared ones, each in declared order. Throws `PRN_EXPRESSION_INVALID`. */
export function rowRules(scope: RowScope): RowRule[] {
  const { columns, eventTime, expectations } = scope.spec;
  const schema = columns.flatMap((column) => {
    return schemaRules({ ...column, nullable: column.nullable && column.name !== eventTime });
  });
  return [...schema, ...expectations.filter(isRowRule).map((rule) => declaredRule(rule, scope))];
}

function schemaRules({ name, type, nullable }: DatasetColumn): RowRule[] {
  const [value, present] = [quoteIdentifier(name), quoteIdentifier(ATTEMPT.has(name))];
  const judging = { action: 'drop', severity: 'warning', mostly: 0, evidence: true } as const;
  const base = { ...judging, column: name, where: null, failsInSegment: null, declared: null };
  const typed = {
    ...base,
    name: `${name}-is-${type}`,
    fails: `(${present} and ${value} is null)`,
    threshold: `${type === 'integer' ? 'an' : 'a'} ${type}`,
  };
  const given = { ...base, name: `${name}-is-given`, fails: `(not ${present})`, threshold: 'a value' };
  // Any value is a text.
  return [...(type === 'string' ? [] : [typed]), ...(nullable ? [] : [given])];
}

function declaredRule(rule: Expectation, scope: RowScope): RowRule {
  const { name, action, mostly = action === 'drop' ? 0 : 1 } = rule;
  const types = columnTypes(scope.spec);
  const where = rule.where === undefined ? null : `coalesce(${renderSql(checkExpression(rule.where, types))}, false)`;
  const { passes, column, threshold, evidence = true } = condition(rule, scope);
  const failing = `coalesce(not (${passes}), false)`;
  const fails = where === null ? failing : `(${where} and ${failing})`;
  const isOfColumns = rule.finite === undefined && rule.references === undefined;
  return {
    name,
    action,
    severity: severityOf(rule),
    mostly,
    column,
    where,
    fails,
    threshold,
    evidence,
    failsInSegment: isOfColumns ? fails : null,
    declared: rule,
  };
}

export function columnTypes({ columns }: DatasetSpec): Record<string, ColumnType> {
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]));
}

interface Condition {
  /** True or null passes. */
  readonly passes: string;
  readonly column: string | null;
  readonly threshold: string;
  readonly evidence?: boolean;
}

function condition(rule: Expectation, scope: RowScope): Condition {
  const { expression, finite, range, values, pattern, length, dateFormat, json } = rule;
  if (expression !== undefined) {
    const passes = renderSql(checkExpression(expression, columnTypes(scope.spec)));
    return { passes, column: null, threshold: expression };
  }
  if (finite !== undefined) {
    const { column } = finite;
    const odd = [ATTEMPT.nan(column), ATTEMPT.infinite(column)].map(quoteIdentifier).join(' or ');
    return { passes: `not (${odd})`, column, threshold: 'neither NaN nor infinite' };
  }
  if (range !== undefined) return rangeCondition(range);
  if (values !== undefined) {
    const type = columnTypes(scope.spec)[values.column];
    return on(
      values.column,
      (column) => isOneOf(column, values.in, type),
      `one of ${shorten(JSON.stringify(values.in))}`,
    );
  }
  if (pattern !== undefined)
    return on(pattern.column, (text) => `regexp_matches(${text}, ${quoteText(pattern.matches)})`, pattern.matches);
  if (length !== undefined) {
    const { column, min = 0, max } = length;
    const upper = max === undefined ? '' : ` and length(${quoteIdentifier(column)}) <= ${max}`;
    return on(column, (text) => `length(${text}) >= ${min}${upper}`, `${min} to ${max ?? 'any number of'} characters`);
  }
  if (dateFormat !== undefined) {
    const { column, format } = dateFormat;
    const passes = (text: string): string =>
      `${text} is null or try_strptime(${text}, ${quoteText(format)}) is not null`;
    return on(column, passes, `a date like ${format}`);
  }
  if (json !== undefined) return jsonCondition(json);
  return severalColumns(rule, scope);
}

function on(column: string, passes: (quoted: string) => string, threshold: string): Condition {
  return { passes: passes(quoteIdentifier(column)), column, threshold };
}

/**
 * Not with IN, which the engine makes a join of from five values on: see {@link mayJoin}. A text is looked up in an enum, by
 * its hash.
 */
function isOneOf(
  column: string,
  allowed: readonly (string | number | boolean)[],
  type: ColumnType | undefined,
): string {
  const list = [...new Set(allowed)].map((value) => literal(value, type)).join(', ');
  if (type !== 'string') return `list_contains([${list}], ${column})`;
  return `case when ${column} is not null then try_cast(${column} as enum(${list})) is not null end`;
}

/** Whether the engine may answer a rule by a join, behind which it no longer keeps the order of the rows. */
export function mayJoin({ fails }: RowRule): boolean {
  return / in \(/.test(fails);
}

function rangeCondition({ column, min, max, exclusive }: NonNullable<Expectation['range']>): Condition {
  const value = quoteIdentifier(column);
  const [above, below] = exclusive ? ['>', '<'] : ['>=', '<='];
  const lower = min === undefined ? [] : [`${value} ${above} ${double(min)}`];
  const upper = max === undefined ? [] : [`${value} ${below} ${double(max)}`];
  const threshold = [
    ...(min === undefined ? [] : [`${above} ${min}`]),
    ...(max === undefined ? [] : [`${below} ${max}`]),
  ];
  return { passes: [...lower, ...upper].join(' and ') || 'true', column, threshold: threshold.join(' and ') };
}

const JSON_TYPES: Readonly<Record<string, readonly string[]>> = {
  string: ['VARCHAR'],
  number: ['BIGINT', 'UBIGINT', 'DOUBLE', 'HUGEINT'],
  boolean: ['BOOLEAN'],
  object: ['OBJECT'],
  array: ['ARRAY'],
};

function jsonCondition({ column, members = {} }: NonNullable<Expectation['json']>): Condition {
  const text = quoteIdentifier(column);
  const typed = Object.entries(members).map(([path, type]) => {
    const types = (JSON_TYPES[type] ?? []).map(quoteText).join(', ');
    return `coalesce(json_type(${text}, ${quoteText(`$.${path}`)}) in (${types}), false)`;
  });
  // Nothing may be asked of a text that is no JSON: that would end the scan.
  const fits = typed.length === 0 ? 'true' : typed.join(' and ');
  const passes = `case when ${text} is null then null when json_valid(${text}) then ${fits} else false end`;
  const listed = Object.entries(members).map(([path, type]) => `${path}: ${type}`);
  return { passes, column, threshold: listed.length === 0 ? 'JSON' : `JSON with ${listed.join(', ')}` };
}

function referenceCondition(
  { columns, dataset, to }: NonNullable<Expectation['references']>,
  table: string | undefined,
): Condition {
  const threshold = `${columns.join(', ')} in ${dataset}.${to.join(', ')}`;
  const column = columns.length === 1 ? (columns[0] ?? null) : null;
  if (table === undefined) return { passes: 'true', column, threshold, evidence: false };
  const missing = columns.map((name) => `${quoteIdentifier(name)} is null`).join(' or ');
  const key = columns.map((name) => `${quoteIdentifier(name)}::varchar`).join(', ');
  return { passes: `${missing} or [${key}] in (select key from ${table})`, column, threshold };
}

function severalColumns(rule: Expectation, { spec, receivedTs, referenced }: RowScope): Condition {
  if (rule.references !== undefined) return referenceCondition(rule.references, referenced.get(rule.name));
  const { compare, pairs, sumOf, differ, knownAfter, notFuture } = rule;
  if (compare !== undefined) {
    const operator = { '==': '=', '!=': '<>' }[String(compare.is)] ?? compare.is;
    const passes = `${quoteIdentifier(compare.left)} ${operator} ${quoteIdentifier(compare.right)}`;
    return { passes, column: null, threshold: `${compare.left} ${compare.is} ${compare.right}` };
  }
  if (pairs !== undefined) {
    const types = columnTypes(spec);
    const allowed = pairs.in.map(
      (tuple) => `(${tuple.map((each, at) => literal(each, types[pairs.columns[at] ?? ''])).join(', ')})`,
    );
    const given = pairs.columns.map((name) => `${quoteIdentifier(name)} is null`).join(' or ');
    const passes = `${given} or (${quoted(pairs.columns)}) in (${allowed.join(', ')})`;
    return { passes, column: null, threshold: `one of ${shorten(JSON.stringify(pairs.in))}` };
  }
  if (sumOf !== undefined) {
    const sum = sumOf.columns.map((name) => `${quoteIdentifier(name)}::double`).join(' + ');
    const target = typeof sumOf.equals === 'string' ? `${quoteIdentifier(sumOf.equals)}::double` : double(sumOf.equals);
    const threshold = `${sumOf.columns.join(' + ')} = ${sumOf.equals} ± ${sumOf.tolerance}`;
    return { passes: `abs(${sum} - ${target}) <= ${double(sumOf.tolerance)}`, column: null, threshold };
  }
  if (differ !== undefined) {
    const pairsOf = differ.flatMap((left, at) => differ.slice(at + 1).map((right) => [left, right]));
    const equal = pairsOf.map((two) => `coalesce(${two.map(quoteIdentifier).join(' = ')}, false)`);
    return { passes: `not (${equal.join(' or ')})`, column: null, threshold: `${differ.join(', ')} all differ` };
  }
  if (knownAfter !== undefined) {
    const [event, known] = [quoteIdentifier(spec.eventTime), knownExpression(spec, receivedTs)];
    const { atMost } = knownAfter;
    const latest = atMost === undefined ? '' : ` and ${known} <= ${event} + ${durationMicros(atMost)}`;
    return {
      passes: `${known} >= ${event}${latest}`,
      column: spec.eventTime,
      threshold: `known after the event${atMost === undefined ? '' : `, within ${atMost}`}`,
      evidence: spec.knowledge.from !== 'commit' || receivedTs !== null,
    };
  }
  const { column = spec.eventTime, skew = '0s' } = notFuture ?? {};
  const limit = receivedTs === null ? 'null' : String(receivedTs + durationMicros(skew));
  const asked = on(column, (time) => `${time} <= ${limit}`, `not after the ingestion, ${skew} allowed`);
  return { ...asked, evidence: receivedTs !== null };
}

/** When a row is known, as far as the row and the time of ingestion say; null otherwise. */
export function knownExpression({ knowledge, eventTime }: DatasetSpec, receivedTs: number | null): string {
  if (knowledge.from === 'commit') return receivedTs === null ? 'null::bigint' : `${receivedTs}::bigint`;
  if (knowledge.from === 'column') return quoteIdentifier(knowledge.column);
  return `(${quoteIdentifier(eventTime)} + ${durationMicros(knowledge.delay)})`;
}

function quoted(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(', ');
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`;
}

/** Fills a table with the keys that a reference may name; `relation` has the rows of the other dataset. */
export function loadReferences(
  { to }: NonNullable<Expectation['references']>,
  { table, relation }: { readonly table: string; readonly relation: string },
): string {
  const key = to.map((name) => `${quoteIdentifier(name)}::varchar`).join(', ');
  return `create or replace temp table ${table} as select distinct [${key}] as key from ${relation}`;
}

/** A value of a rule as SQL of a column's type. */
export function literal(value: string | number | boolean, type: ColumnType | undefined): string {
  if (type === 'string') return quoteText(String(value));
  return typeof value === 'number' ? double(value) : typeof value === 'boolean' ? String(value) : quoteText(value);
}
