/** Batch rules judged: the figure that was seen against its bounds, or the rows that fail of those that were looked at. */
import { type Expectation, kindOf } from '../../domain/expectations.js';
import type { ColumnProfile } from '../../domain/profile.js';
import { judgeChange, judgeDistribution, judgeMatch, judgeTimes } from './batch-comparisons.js';
import { timeOf } from './batch-rules.js';
import { type BatchFacts, type BatchFinding, bounded, columnOf, figureOf, floorTo, rowsOf } from './finding.js';
import { correlation, entropyBits, mutualInformationBits } from './information.js';

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
    case 'seasonal':
      return judgeChange(rule, facts);
    case 'distribution':
      return judgeDistribution(rule, facts);
    default:
      return judgeFigure(rule, facts);
  }
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
