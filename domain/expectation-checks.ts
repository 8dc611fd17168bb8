/** Whether expectations fit the columns they name: a rule over a column of another type would judge nothing, or crash. */
import type { ColumnType, DatasetSpec } from './dataset.js';
import { columnsOf, type Expectation, kindOf, type RuleKind } from './expectations.js';
import { didYouMean } from './names.js';

const NUMBERS: readonly ColumnType[] = ['float', 'integer'];
const TEXTS: readonly ColumnType[] = ['string'];
const TIMES: readonly ColumnType[] = ['timestamp'];
const ORDERED: readonly ColumnType[] = ['float', 'integer', 'timestamp'];

/** Types that the columns of a rule may have; all where nothing is said. */
const FITTING: Readonly<Partial<Record<RuleKind, readonly ColumnType[]>>> = {
  finite: ['float'],
  range: NUMBERS,
  pattern: TEXTS,
  length: TEXTS,
  dateFormat: TEXTS,
  json: TEXTS,
  sumOf: NUMBERS,
  notFuture: TIMES,
  freshness: TIMES,
  monotone: ORDERED,
  gaps: TIMES,
  aggregateMatch: NUMBERS,
};
/** Statistics of any column; the others are of numbers. */
const ANY_STATISTIC: readonly string[] = ['entropy', 'nulls', 'distinct', 'mutual_information', 'rows'];

/** What is wrong with the expectations of a dataset, one sentence each; nothing where all fit. */
export function expectationProblems(spec: Pick<DatasetSpec, 'columns' | 'expectations'>): string[] {
  const names = spec.expectations.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  const types = new Map(spec.columns.map(({ name, type }) => [name, type]));
  return [
    ...twice.map((name) => `two expectations are called ${name}: give each a name of its own`),
    ...spec.expectations.flatMap((rule) =>
      problemsOf(rule, types).map((problem) => `expectation ${rule.name}: ${problem}`),
    ),
  ];
}

function problemsOf(rule: Expectation, types: ReadonlyMap<string, ColumnType>): string[] {
  const known = [...types.keys()];
  const named = columnsOf(rule);
  const unknown = named.filter((name) => !types.has(name));
  if (unknown.length > 0)
    return unknown.map((name) => `there is no column ${name}${didYouMean(name, known)}; there are ${known.join(', ')}`);
  const kind = kindOf(rule);
  const fitting = fittingTypes(rule, kind);
  const misfits = named.filter((name) => fitting !== null && !fitting.includes(types.get(name) ?? 'string'));
  return [
    ...misfits.map(
      (name) => `${kind} needs a column of type ${fitting?.join(' or ')}, and ${name} is ${types.get(name)}`,
    ),
    ...comparisonProblems(rule, types),
    ...valueProblems(rule, types),
    ...boundProblems(rule),
  ];
}

function fittingTypes(rule: Expectation, kind: RuleKind): readonly ColumnType[] | null {
  const tracked = rule.aggregate ?? rule.dependence ?? rule.change ?? rule.usual ?? rule.seasonal;
  if (tracked !== undefined) return ANY_STATISTIC.includes(tracked.statistic) ? null : ORDERED;
  if (rule.distribution?.distance === 'ks') return ORDERED;
  return FITTING[kind] ?? null;
}

function comparisonProblems({ compare, differ }: Expectation, types: ReadonlyMap<string, ColumnType>): string[] {
  const family = (name: string): string =>
    NUMBERS.includes(types.get(name) ?? 'string') ? 'number' : `${types.get(name)}`;
  const compared = compare === undefined ? (differ ?? []) : [compare.left, compare.right];
  const [first = '', ...others] = compared;
  const other = others.find((name) => family(name) !== family(first));
  return other === undefined
    ? []
    : [`${first} is ${types.get(first)} and ${other} is ${types.get(other)}: they cannot be compared`];
}

function valueProblems({ values, pairs }: Expectation, types: ReadonlyMap<string, ColumnType>): string[] {
  const rows = values === undefined ? (pairs?.in ?? []) : values.in.map((value) => [value]);
  const columns = values === undefined ? (pairs?.columns ?? []) : [values.column];
  const short = rows.find((row) => row.length !== columns.length);
  if (short !== undefined) return [`${JSON.stringify(short)} has ${short.length} values for ${columns.length} columns`];
  const misfit = rows.flatMap((row) => row.map((value, at) => ({ value, column: columns[at] ?? '' })));
  const wrong = misfit.find(({ value, column }) => !fits(value, types.get(column)));
  return wrong === undefined
    ? []
    : [`${JSON.stringify(wrong.value)} is no ${types.get(wrong.column)}, which ${wrong.column} holds`];
}

/** Times are listed in microseconds. */
function fits(value: string | number | boolean, type: ColumnType | undefined): boolean {
  if (type === 'string') return typeof value === 'string';
  return type === 'boolean' ? typeof value === 'boolean' : typeof value === 'number';
}

function boundProblems(rule: Expectation): string[] {
  const { range, length, rows, aggregate, change, usual, seasonal, distinctRatio, dependence, distribution } = rule;
  const bounds = range ?? length ?? rows ?? aggregate ?? change ?? distinctRatio ?? dependence;
  const problems: string[] = [];
  if (bounds !== undefined && bounds.min === undefined && bounds.max === undefined)
    problems.push('give min, max or both');
  if (bounds?.min !== undefined && bounds.max !== undefined && bounds.min > bounds.max)
    problems.push('min is above max');
  const tracked = change ?? usual ?? seasonal;
  if (tracked !== undefined && (tracked.column === undefined) !== (tracked.statistic === 'rows'))
    problems.push(
      tracked.column === undefined
        ? `${tracked.statistic} is of a column: give it`
        : 'rows are of no column: leave it out',
    );
  if (
    distribution !== undefined &&
    distribution.max === undefined &&
    !['ks', 'chi_square'].includes(distribution.distance)
  )
    problems.push(`${distribution.distance} needs a max`);
  return problems;
}
