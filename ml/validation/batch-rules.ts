/**
 * Batch rules: what each asks of all accepted rows, as items of the one query over them. Figures of whole columns come
 * from the profile, so these are only the ones that it does not have.
 */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import type { Expectation } from '../../domain/expectations.js';
import type { ColumnFrame } from '../../domain/profile.js';
import { checkExpression } from '../features/expression/check.js';
import { quoteIdentifier, renderSql } from '../features/expression/sql.js';
import { double, numberSql, type ProfiledColumn } from '../profile/profile-sql.js';
import { ACCEPTED } from './judged-sql.js';
import { columnTypes, literal } from './row-rules.js';

export interface BatchScope {
  readonly spec: DatasetSpec;
  readonly frames: ReadonlyMap<string, ColumnFrame>;
  /** Relations with the rows of other datasets' heads, by name. */
  readonly others: ReadonlyMap<string, string>;
}

/** Condition of the rows that a rule looks at. */
export function chosen(rule: Expectation, spec: DatasetSpec): string {
  return rule.where === undefined
    ? 'true'
    : `coalesce(${renderSql(checkExpression(rule.where, columnTypes(spec)))}, false)`;
}

/** Columns that are profiled for a rule with a `where`: the values of the rows it chose, under the rule's own name. */
export function chosenColumn(rule: Expectation, { spec, frames }: BatchScope): ProfiledColumn | null {
  const column = rule.aggregate?.column ?? rule.aggregateMatch?.column ?? timeOf(rule, spec);
  const type = spec.columns.find(({ name }) => name === column)?.type;
  if (rule.where === undefined || column === null || type === undefined) return null;
  const value = `case when ${chosen(rule, spec)} then ${quoteIdentifier(column)} end`;
  const frame = { edges: [], grid: frames.get(column)?.grid ?? null, categories: [] };
  return { name: rule.name, type, value, nan: 'false', infinite: 'false', frame };
}

/** The column of times that a rule is about. */
export function timeOf({ freshness, monotone, gaps }: Expectation, { eventTime }: DatasetSpec): string | null {
  const rule = freshness ?? monotone ?? gaps;
  return rule === undefined ? null : (rule.column ?? eventTime);
}

/** Items by part; {@link batchItemName} names them. */
export function batchItems(rule: Expectation, scope: BatchScope): Record<string, string> {
  const where = chosen(rule, scope.spec);
  return {
    ...(rule.where !== undefined && { asked: `count(*) filter (where ${where})` }),
    ...ownItems(rule, where, scope),
  };
}

export function batchItemName(position: number, part: string): string {
  return `b${position}_${part}`;
}

function ownItems(rule: Expectation, where: string, scope: BatchScope): Record<string, string> {
  const { present, values, unique, duplicates, distinctRatio, aggregate, dependence, monotone, gaps } = rule;
  const types = columnTypes(scope.spec);
  if (present !== undefined)
    return { given: `count(*) filter (where ${where} and ${quoteIdentifier(present.column)} is not null)` };
  if (values !== undefined) {
    const value = quoteIdentifier(values.column);
    const list = values.in.map((each) => literal(each, types[values.column])).join(', ');
    return {
      given: `count(*) filter (where ${where} and ${value} is not null)`,
      inside: `count(*) filter (where ${where} and ${value} in (${list}))`,
    };
  }
  const tuple = unique ?? (duplicates === undefined ? null : scope.spec.columns.map(({ name }) => name));
  if (tuple !== null) return tuple.length === 1 ? { not_ascending: notAscending(tuple, where) } : {};
  if (distinctRatio !== undefined) return distinctItems(distinctRatio.column, where);
  if (aggregate !== undefined) return aggregateItems(aggregate, where);
  if (dependence !== undefined) return dependenceItems(dependence, where, scope);
  if (monotone !== undefined) {
    const time = quoteIdentifier(monotone.column ?? scope.spec.eventTime);
    const falls = `select ${time} as t, lag(${time}) over (order by rowid) as p from ${ACCEPTED} and ${where} and ${time} is not null`;
    return { failing: `(select count(*) from (${falls}) where t ${monotone.strictly ? '<=' : '<'} p)` };
  }
  if (gaps !== undefined) {
    const time = quoteIdentifier(gaps.column ?? scope.spec.eventTime);
    const steps = `select ${time} as t, lag(${time}) over (order by ${time}) as p from ${ACCEPTED} and ${where} and ${time} is not null`;
    return { widest: `(select max(t - p) from (${steps}))` };
  }
  return otherItems(rule, scope);
}

/**
 * Rows of one column that are not above the row before them, the first row among them. 1 at most means that no value
 * repeats; anything else has to be asked by {@link repeatedHashes}. Keys and times mostly ascend in their files.
 */
function notAscending([column = '']: readonly string[], where: string): string {
  const value = quoteIdentifier(column);
  const pairs = `select ${value} as v, lag(${value}) over () as p from ${ACCEPTED} and ${where}`;
  return `(select count(*) from (${pairs}) where not coalesce(v > p, false))`;
}

/**
 * `repeated` rows beyond the first of equal hashes: 0 means that no tuple repeats, as equal tuples have equal hashes.
 * Anything else has to be counted by {@link repeatedRows}.
 */
export function repeatedHashes(columns: readonly string[], where: string): string {
  const hashes = `select count(*) as n from ${ACCEPTED} and ${where} group by hash(${columns.map(quoteIdentifier).join(', ')})`;
  return `select coalesce(sum(n - 1), 0)::bigint as repeated from (${hashes})`;
}

/** Rows beyond the first of each group of equal tuples; nulls equal each other. */
export function repeatedRows(columns: readonly string[], where: string): string {
  const list = columns.map(quoteIdentifier).join(', ');
  return `select coalesce(sum(n - 1), 0)::bigint as failing from (select count(*) as n from ${ACCEPTED} and ${where} group by ${list} having count(*) > 1)`;
}

function distinctItems(column: string, where: string): Record<string, string> {
  const value = quoteIdentifier(column);
  return {
    given: `count(${value}) filter (where ${where})`,
    distinct: `count(distinct ${value}) filter (where ${where})`,
  };
}

function aggregateItems(
  { column, statistic, q }: NonNullable<Expectation['aggregate']>,
  where: string,
): Record<string, string> {
  const value = quoteIdentifier(column);
  switch (statistic) {
    case 'median':
    case 'quantile':
      return {
        quantile: `quantile_cont(${value}::double, ${statistic === 'median' ? 0.5 : q}) filter (where ${where})`,
      };
    case 'entropy':
      return { counts: countsOfCounts([value], `${where} and ${value} is not null`) };
    case 'distinct':
      return distinctItems(column, where);
    default:
      return { given: `count(${value}) filter (where ${where})` };
  }
}

/** How many groups there are of each size, as a JSON list of pairs. Entropies need no more. */
function countsOfCounts(keys: readonly string[], where: string): string {
  const sizes = `select count(*) as n from ${ACCEPTED} and ${where} group by ${keys.join(', ')}`;
  return `(select to_json(list([n, times] order by n))::varchar from (select n, count(*) as times from (${sizes}) group by n))`;
}

/** Values are summed on their grids in steps of 2^−26 units, as whole numbers, so that the order does not count. */
const STEP_BITS = 26;

function dependenceItems(
  { columns, statistic }: NonNullable<Expectation['dependence']>,
  where: string,
  { spec, frames }: BatchScope,
): Record<string, string> {
  const types = columnTypes(spec);
  const both = `${where} and ${columns.map((name) => `${quoteIdentifier(name)} is not null`).join(' and ')}`;
  const framed = columns.map((name) => ({
    type: types[name] ?? 'float',
    value: quoteIdentifier(name),
    frame: frames.get(name),
  }));
  if (statistic === 'mutual_information') {
    const cells = framed.map(({ type, value, frame }) => binSql({ type, value, edges: frame?.edges ?? [] }));
    return {
      first: countsOfCounts(cells.slice(0, 1), both),
      second: countsOfCounts(cells.slice(1), both),
      joint: countsOfCounts(cells, both),
    };
  }
  const [x, y] = framed.map(({ type, value, frame }) => {
    const { pivot, exponent } = frame?.grid ?? { pivot: 0, exponent: 0 };
    const scaled = `(${numberSql({ type, value })} - ${double(pivot)}) * ${double(2 ** (STEP_BITS - exponent))}`;
    return `floor(${scaled})::bigint`;
  });
  const sum = (sql: string): string => `(sum(${sql}) filter (where ${both}))::varchar`;
  return {
    n: `count(*) filter (where ${both})`,
    x: sum(`${x}`),
    y: sum(`${y}`),
    xx: sum(`${x} * ${x}`),
    yy: sum(`${y} * ${y}`),
    xy: sum(`${x} * ${y}`),
  };
}

/** Texts and booleans are their own bins. */
function binSql({ type, value, edges }: { type: ColumnType; value: string; edges: readonly number[] }): string {
  if (type === 'string' || type === 'boolean' || edges.length === 0) return value;
  const cases = edges.map((edge, bin) => `when ${value} <= ${double(edge)} then ${bin}`).join(' ');
  return `(case ${cases} else ${edges.length} end)`;
}

function otherItems({ rowsMatch, aggregateMatch }: Expectation, { others }: BatchScope): Record<string, string> {
  const relation = others.get((rowsMatch ?? aggregateMatch)?.dataset ?? '');
  if (relation === undefined) return {};
  if (aggregateMatch === undefined) return { other: `(select count(*) from ${relation})` };
  const value = `${quoteIdentifier(aggregateMatch.of)}::double`;
  const figure = { mean: 'avg', sum: 'sum', min: 'min', max: 'max' }[aggregateMatch.statistic];
  // Ordered: a sum of floats depends on its order.
  return { other: `(select ${figure}(${value} order by ${value}) from ${relation})` };
}
