/** Batch rules judged: the figure that was seen against its bounds, or the rows that fail of those that were looked at. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { type Expectation, kindOf } from '../../domain/expectations.js';
import { type ColumnProfile, type DatasetProfile, standardDeviation, valuesOf } from '../../domain/profile.js';
import type { ResultRow } from '../profile/profile-sql.js';
import { compareColumns } from '../profile/compare.js';
import { timeOf } from './batch-rules.js';
import { correlation, entropyBits, mutualInformationBits } from './information.js';

/** What is known of the rows when a rule is judged. */
export interface BatchFacts {
  readonly spec: DatasetSpec;
  /** Of the accepted rows. */
  readonly profile: DatasetProfile;
  /** Values of the rule's items by part. */
  readonly items: ResultRow;
  /** Of the rows that the rule's `where` chose. */
  readonly chosen: ColumnProfile | null;
  /** Failing rows of `unique`, `duplicates` and `sql`, counted exactly. */
  readonly counted: number;
  /** Of the segments of the head, oldest first. */
  readonly earlier: readonly DatasetProfile[];
  /** All of them added up, where a rule asks for it. */
  readonly head: DatasetProfile | null;
  readonly receivedTs: number | null;
  /** Columns of the source, in its order. */
  readonly found: readonly string[];
}

export interface BatchFinding {
  /** Null without evidence. */
  readonly passes: boolean | null;
  readonly rows: number;
  readonly failing: number;
  readonly observed: number | string | null;
  readonly threshold: string;
  readonly missing?: number;
  readonly previous?: number | null;
  readonly mostDifferent?: string | null;
  /** Member of the rule and the value under which it would pass. */
  readonly suggestion?: { readonly member: string; readonly from: unknown; readonly to: unknown } | null;
  /** What `observed` is, such as `mean of delay`. */
  readonly label: string;
}

export function judgeBatch(rule: Expectation, facts: BatchFacts): BatchFinding {
  switch (kindOf(rule)) {
    case 'columns':
      return judgeColumns(rule, facts);
    case 'present':
      return judgePresence(rule, facts);
    case 'values':
      return judgeMass(rule, facts);
    case 'unique':
    case 'duplicates':
    case 'monotone':
    case 'sql':
      return judgeCount(rule, facts);
    case 'rowsMatch':
    case 'aggregateMatch':
      return judgeMatch(rule, facts);
    case 'freshness':
    case 'gaps':
      return judgeTimes(rule, facts);
    case 'change':
    case 'usual':
      return judgeChange(rule, facts);
    case 'distribution':
      return judgeDistribution(rule, facts);
    default:
      return judgeFigure(rule, facts);
  }
}

/** Rows that a rule looked at. */
function rowsOf(rule: Expectation, { items, profile }: BatchFacts): number {
  return rule.where === undefined ? profile.rows : Number(items['asked'] ?? 0);
}

function judgeColumns({ columns: wanted }: Expectation, { spec, found, profile }: BatchFacts): BatchFinding {
  const declared = spec.columns.map(({ name, from }) => from ?? name);
  const extra = found.filter((name) => !declared.includes(name));
  const inOrder = declared.length === found.length && declared.every((name, at) => name === found[at]);
  const passes = wanted === 'ordered' ? inOrder : extra.length === 0;
  const added = extra.map((name) => ({ name, type: 'string', nullable: true }));
  return {
    passes,
    rows: profile.rows,
    failing: 0,
    observed: found.join(', '),
    threshold: `${declared.join(', ')}${wanted === 'ordered' ? ' in this order' : ''}`,
    suggestion:
      passes || added.length === 0 ? null : { member: 'columns', from: declared, to: [...declared, ...added] },
    label:
      extra.length === 0
        ? 'columns'
        : `columns, of which ${extra.join(', ')} ${extra.length === 1 ? 'is' : 'are'} not declared,`,
  };
}

function judgePresence(rule: Expectation, facts: BatchFacts): BatchFinding {
  const { column = '', minFraction = 0, minCount = 0 } = rule.present ?? {};
  const [rows, given] = [rowsOf(rule, facts), Number(facts.items['given'])];
  const fraction = rows === 0 ? 1 : given / rows;
  const passes = fraction >= minFraction && given >= minCount;
  const byFraction = fraction < minFraction;
  return {
    passes,
    rows,
    failing: rows - given,
    missing: rows - given,
    observed: byFraction || minCount === 0 ? fraction : given,
    threshold: [`>= ${minFraction} of the rows`, ...(minCount > 0 ? [`>= ${minCount} rows`] : [])].join(' and '),
    suggestion: byFraction
      ? { member: 'present.minFraction', from: minFraction, to: floorTo(fraction) }
      : { member: 'present.minCount', from: minCount, to: given },
    label: byFraction || minCount === 0 ? `share of rows with ${column}` : `rows with ${column}`,
  };
}

function judgeMass(rule: Expectation, facts: BatchFacts): BatchFinding {
  const { column = '', minDomainMass = 1 } = rule.values ?? {};
  const [given, inside] = [Number(facts.items['given']), Number(facts.items['inside'])];
  const rows = rowsOf(rule, facts);
  const mass = given === 0 ? 1 : inside / given;
  return {
    passes: mass >= minDomainMass,
    rows,
    missing: rows - given,
    failing: given - inside,
    observed: mass,
    threshold: `>= ${minDomainMass}`,
    suggestion: { member: 'values.minDomainMass', from: minDomainMass, to: floorTo(mass) },
    label: `share of ${column} among the listed values`,
  };
}

function judgeCount(rule: Expectation, facts: BatchFacts): BatchFinding {
  const { mostly = 1, unique, monotone, sql } = rule;
  const rows = rowsOf(rule, facts);
  const failing = monotone === undefined ? facts.counted : Number(facts.items['failing']);
  const share = rows === 0 ? 1 : Math.max(0, 1 - failing / rows);
  const wanted =
    unique !== undefined
      ? `${unique.join(', ')} once`
      : monotone !== undefined
        ? `${timeOf(rule, facts.spec)} never falls${monotone.strictly ? ' or stays' : ''}`
        : sql !== undefined
          ? 'no rows of its query'
          : 'no row twice';
  return {
    passes: failing === 0 || share >= mostly,
    rows,
    failing,
    observed: share,
    threshold: mostly < 1 ? `${wanted}, for >= ${mostly} of the rows` : wanted,
    suggestion: { member: 'mostly', from: mostly, to: floorTo(share) },
    label: 'share of rows that pass',
  };
}

function judgeMatch(rule: Expectation, facts: BatchFacts): BatchFinding {
  const { rowsMatch, aggregateMatch, where } = rule;
  const { dataset = '', tolerance = 0 } = rowsMatch ?? aggregateMatch ?? {};
  const rows = rowsOf(rule, facts);
  const given = facts.items['other'];
  const other = given == null ? null : Number(given);
  const source = where === undefined ? columnOf(facts.profile, aggregateMatch?.column) : facts.chosen;
  const own = aggregateMatch === undefined ? rows : figureOf(facts.profile, source, aggregateMatch.statistic);
  const of = aggregateMatch === undefined ? 'rows' : `${aggregateMatch.statistic} of ${aggregateMatch.column}`;
  const threshold = `${other === null ? 'that' : plain(other)} of ${dataset}, ± ${tolerance * 100} %`;
  const base = { rows, failing: 0, observed: own, threshold, label: of };
  if (other === null || own === null) return { ...base, passes: null };
  const apart = own === other ? 0 : Math.abs(own - other) / Math.abs(other);
  const member = `${aggregateMatch === undefined ? 'rowsMatch' : 'aggregateMatch'}.tolerance`;
  return { ...base, passes: apart <= tolerance, suggestion: { member, from: tolerance, to: ceilTo(apart) } };
}

function judgeTimes(rule: Expectation, facts: BatchFacts): BatchFinding {
  const { freshness, gaps } = rule;
  const column = timeOf(rule, facts.spec) ?? '';
  const rows = rowsOf(rule, facts);
  const longest = freshness?.maxAge ?? gaps?.max ?? '0s';
  const latest = (rule.where === undefined ? columnOf(facts.profile, column) : facts.chosen)?.max ?? null;
  const age = latest === null || facts.receivedTs === null ? null : facts.receivedTs - latest;
  const widest = facts.items['widest'];
  const seen = freshness === undefined ? (widest == null ? 0 : Number(widest)) : age;
  const seconds = seen === null ? null : Math.ceil(Math.max(0, seen) / 1_000_000);
  const member = freshness === undefined ? 'gaps.max' : 'freshness.maxAge';
  return {
    passes: seen === null ? null : seen <= durationMicros(longest),
    rows,
    failing: 0,
    observed: seconds === null ? null : `${seconds}s`,
    threshold: `<= ${longest}`,
    suggestion: seconds === null ? null : { member, from: longest, to: `${seconds}s` },
    label: freshness === undefined ? `longest time without ${column}` : `age of the latest ${column}`,
  };
}

function judgeChange(rule: Expectation, { profile, earlier }: BatchFacts): BatchFinding {
  const { statistic = 'rows', column } = rule.change ?? rule.usual ?? {};
  const of = column === undefined ? 'rows' : `${statistic} of ${column}`;
  const own = figureOf(profile, columnOf(profile, column), statistic);
  const figures = earlier.flatMap((each) => figureOf(each, columnOf(each, column), statistic) ?? []);
  const base = { rows: profile.rows, failing: 0, previous: figures.at(-1) ?? null };
  if (rule.usual !== undefined) return { ...base, ...judgeUsual(rule.usual, { own, figures, of }) };
  const { as = 'ratio', min, max } = rule.change ?? {};
  const before = figures.at(-1);
  const isKnown = own !== null && before !== undefined && (as === 'difference' || before !== 0);
  const observed = isKnown ? (as === 'ratio' ? own / before : own - before) : null;
  return {
    ...base,
    ...bounded({ observed, min, max, member: 'change' }),
    label: `${as} of ${of} to the segment before`,
  };
}

/** Mean ± k sample standard deviations; a spread of 0 allows nothing but the mean. */
function judgeUsual(
  { segments, deviations }: NonNullable<Expectation['usual']>,
  { own, figures, of }: { own: number | null; figures: readonly number[]; of: string },
): Pick<BatchFinding, 'passes' | 'observed' | 'threshold' | 'label' | 'suggestion'> {
  const last = figures.slice(-segments);
  const mean = last.reduce((sum, figure) => sum + figure, 0) / last.length;
  const spread = Math.sqrt(last.reduce((sum, figure) => sum + (figure - mean) ** 2, 0) / (last.length - 1));
  if (own === null || last.length < 3) {
    const threshold = `${plain(deviations)} standard deviations around the mean of at least 3 segments`;
    return { passes: null, observed: own, threshold, label: of };
  }
  const reach = deviations * spread;
  const needed = spread === 0 ? deviations : ceilTo(Math.abs(own - mean) / spread);
  return {
    passes: Math.abs(own - mean) <= reach,
    observed: own,
    threshold: `${plain(mean - reach)} to ${plain(mean + reach)}, by the last ${last.length} segments`,
    label: of,
    suggestion: { member: 'usual.deviations', from: deviations, to: needed },
  };
}

function judgeDistribution({ distribution }: Expectation, { profile, earlier, head }: BatchFacts): BatchFinding {
  const { column = '', distance = 'psi', max, alpha = 0.001, against = 'previous' } = distribution ?? {};
  const own = columnOf(profile, column);
  const reference = columnOf((against === 'head' ? head : earlier.at(-1)) ?? undefined, column);
  const label = `${distance} of ${column} to ${against === 'head' ? 'the head' : 'the segment before'}`;
  const base = { rows: profile.rows, failing: 0, label };
  if (own === null || reference === null)
    return { ...base, passes: null, observed: null, threshold: `<= ${max ?? `its critical value at ${alpha}`}` };
  const compared = compareColumns(own, reference, { distance, alpha });
  if ('problem' in compared)
    return { ...base, passes: null, observed: compared.problem, threshold: `<= ${max ?? alpha}` };
  const limit = max ?? compared.critical ?? 0;
  return {
    ...base,
    passes: compared.distance <= limit,
    observed: compared.distance,
    threshold: max === undefined ? `<= ${plain(limit)}, critical at ${alpha}` : `<= ${max}`,
    mostDifferent: compared.mostDifferent,
    suggestion: { member: 'distribution.max', from: max ?? null, to: ceilTo(compared.distance) },
  };
}

function judgeFigure(rule: Expectation, facts: BatchFacts): BatchFinding {
  const { rows: rowRule, distinctRatio, aggregate, dependence, where } = rule;
  const { items, profile } = facts;
  const looked = rowsOf(rule, facts);
  const base = { rows: looked, failing: 0 };
  if (rowRule !== undefined)
    return { ...base, ...bounded({ ...rowRule, observed: looked, member: 'rows' }), label: 'rows' };
  if (distinctRatio !== undefined) {
    const given = Number(items['given']);
    const observed = given === 0 ? null : Number(items['distinct']) / given;
    const label = `distinct values of ${distinctRatio.column} for each given one`;
    return {
      ...base,
      missing: looked - given,
      ...bounded({ ...distinctRatio, observed, member: 'distinctRatio' }),
      label,
    };
  }
  if (dependence !== undefined) {
    const observed = dependence.statistic === 'correlation' ? correlation(items) : mutualInformationBits(items);
    const label = `${dependence.statistic.replace('_', ' ')} of ${dependence.columns.join(' and ')}`;
    return { ...base, ...bounded({ ...dependence, observed, member: 'dependence' }), label };
  }
  const { column = '', statistic = 'mean', q = 0.5 } = aggregate ?? {};
  const source = where === undefined ? columnOf(profile, column) : facts.chosen;
  const observed = aggregateFigure({ statistic, looked, source, facts });
  const label = `${statistic === 'quantile' ? `quantile ${q}` : statistic} of ${column}`;
  return { ...base, ...bounded({ min: aggregate?.min, max: aggregate?.max, observed, member: 'aggregate' }), label };
}

function aggregateFigure(asked: {
  statistic: NonNullable<Expectation['aggregate']>['statistic'];
  looked: number;
  source: ColumnProfile | null;
  facts: BatchFacts;
}): number | null {
  const { statistic, looked, source, facts } = asked;
  const { items, profile } = facts;
  switch (statistic) {
    case 'median':
    case 'quantile':
      return items['quantile'] == null ? null : Number(items['quantile']);
    case 'entropy':
      return entropyBits(items['counts']);
    case 'distinct':
      return Number(items['distinct']);
    case 'nulls':
      return looked === 0 ? null : 1 - Number(items['given']) / looked;
    default:
      return figureOf(profile, source, statistic);
  }
}

type Tracked = NonNullable<Expectation['change']>['statistic'];

/** A figure of a profile; null where it has no values. */
function figureOf(profile: DatasetProfile, column: ColumnProfile | null, statistic: Tracked): number | null {
  if (statistic === 'rows') return profile.rows;
  if (column === null) return null;
  switch (statistic) {
    case 'mean':
    case 'min':
    case 'max':
      return column[statistic];
    case 'sum':
      return column.mean === null ? null : column.mean * valuesOf(column);
    case 'stddev':
      return standardDeviation(column);
    case 'nulls':
      return column.count === 0 ? null : column.nulls / column.count;
    case 'distinct':
      return column.distinct;
  }
}

function columnOf(profile: DatasetProfile | undefined, name: string | undefined): ColumnProfile | null {
  return profile?.columns.find((column) => column.name === name) ?? null;
}

/** A figure against its bounds; without a figure there is no evidence. */
function bounded(rule: {
  observed: number | null;
  min?: number | undefined;
  max?: number | undefined;
  member: string;
}): Pick<BatchFinding, 'passes' | 'observed' | 'threshold' | 'suggestion'> {
  const { observed, min, max, member } = rule;
  const parts = [...(min === undefined ? [] : [`>= ${min}`]), ...(max === undefined ? [] : [`<= ${max}`])];
  const threshold = parts.join(' and ');
  if (observed === null) return { passes: null, observed, threshold };
  const low = min !== undefined && observed < min;
  const high = max !== undefined && observed > max;
  const side = low ? 'min' : 'max';
  const suggestion = low || high ? { member: `${member}.${side}`, from: low ? min : max, to: observed } : null;
  return { passes: !low && !high, observed, threshold, suggestion };
}

/** For people: at most six digits that count. */
export function plain(figure: number): string {
  return String(Number(figure.toPrecision(6)));
}

/** Four digits after the point, to the side on which the rule passes. */
export function floorTo(share: number): number {
  return Math.floor(share * 10_000) / 10_000;
}

function ceilTo(figure: number): number {
  return Math.ceil(figure * 10_000) / 10_000;
}
