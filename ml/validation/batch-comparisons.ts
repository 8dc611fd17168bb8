/** Batch rules that compare: with another dataset, the time of ingestion, or the segments before. */
import { durationMicros } from '../../domain/duration.js';
import type { Expectation } from '../../domain/expectations.js';
import { compareColumns } from '../profile/compare.js';
import { timeOf } from './batch-rules.js';
import { type BatchFacts, type BatchFinding, bounded, ceilTo, columnOf, figureOf, plain, rowsOf } from './finding.js';
import { forecastNext } from './holt-winters.js';

export function judgeMatch(rule: Expectation, facts: BatchFacts): BatchFinding {
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

export function judgeTimes(rule: Expectation, facts: BatchFacts): BatchFinding {
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

export function judgeChange(rule: Expectation, { profile, earlier }: BatchFacts): BatchFinding {
  const { statistic = 'rows', column } = rule.change ?? rule.usual ?? rule.seasonal ?? {};
  const of = column === undefined ? 'rows' : `${statistic} of ${column}`;
  const own = figureOf(profile, columnOf(profile, column), statistic);
  const history = earlier.map((each) => figureOf(each, columnOf(each, column), statistic));
  const figures = history.filter((figure) => figure !== null);
  const base = { rows: profile.rows, failing: 0, previous: figures.at(-1) ?? null };
  if (rule.usual !== undefined) return { ...base, ...judgeUsual(rule.usual, { own, figures, of }) };
  if (rule.seasonal !== undefined) return { ...base, ...judgeSeasonal(rule.seasonal, { own, history, of }) };
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

/** A figure that is missing breaks the season: only what came after the last such one counts. */
function judgeSeasonal(
  rule: NonNullable<Expectation['seasonal']>,
  { own, history, of }: { own: number | null; history: readonly (number | null)[]; of: string },
): Pick<BatchFinding, 'passes' | 'observed' | 'threshold' | 'label' | 'suggestion'> {
  const last = history.slice(-rule.period * rule.periods);
  const figures = last.slice(last.lastIndexOf(null) + 1).filter((figure) => figure !== null);
  const forecast = forecastNext(figures, rule);
  if (own === null || forecast === null) {
    const threshold = `${plain(rule.errors)} errors around the forecast from at least ${2 * rule.period} segments`;
    return { passes: null, observed: own, threshold, label: of };
  }
  const { next, error } = forecast;
  // Sums of floats are not exact: what repeats exactly is foreseen up to their rounding.
  const usual = Math.max(error, ROUNDING * Math.max(...figures.map(Math.abs)));
  const reach = rule.errors * usual;
  return {
    passes: Math.abs(own - next) <= reach,
    observed: own,
    threshold: `${plain(next - reach)} to ${plain(next + reach)}, foreseen from the last ${figures.length} segments`,
    label: of,
    suggestion:
      usual === 0 ? null : { member: 'seasonal.errors', from: rule.errors, to: ceilTo(Math.abs(own - next) / usual) },
  };
}

const ROUNDING = 1e-12;

export function judgeDistribution({ distribution }: Expectation, { profile, earlier, head }: BatchFacts): BatchFinding {
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
