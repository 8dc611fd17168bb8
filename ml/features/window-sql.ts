/** SQL of windowed aggregates at cuts: each row is spread to the cuts whose windows hold it, then grouped once. */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { DomainError } from '../../domain/errors.js';
import { type FeatureViewSpec, longestWindowMicros, type WindowedFeature } from '../../domain/feature-view.js';
import { knownAt, ROW } from './dataset-sql.js';
import { checkExpression } from './expression/check.js';
import { quoteIdentifier, renderSql } from './expression/sql.js';

/** Columns of a chunk beside keys and features. */
const RESERVED = ['event_ts', 'known_ts'];

/** Columns of the steps in between; no key or feature can be called like them. */
const [TIME, CUT] = ['":time"', '":cut"'];

/**
 * Sums are taken over decimals, which are exact in any order; a number that does not fit counts as missing. Nine digits
 * behind the point, 29 before it.
 */
const EXACT = 'decimal(38, 9)';

/**
 * Feature rows of the cuts `fromCut … toCut`: keys, `event_ts` (the cut), `known_ts` (the latest of the inputs, plus the
 * serving delay) and the features as REAL. A window is `[cut − lag − length, cut − lag)`; of the dataset's rows only
 * those known at the cut are read, each in the last restatement known then. A key has a row where its longest window
 * holds one; in a shorter window without rows `count` is 0 and every other aggregate null. Throws
 * `PRN_RESOURCE_INVALID` for views that no table can hold.
 */
export function windowedFeatures(input: {
  readonly view: FeatureViewSpec;
  readonly dataset: DatasetSpec;
  /** The relation that `datasetRelation` gives. */
  readonly rows: string;
  readonly fromCut: number;
  readonly toCut: number;
}): string {
  const { view, dataset, rows, fromCut, toCut } = input;
  checkView(view);
  const types = Object.fromEntries(dataset.columns.map(({ name, type }) => [name, type])) as Record<string, ColumnType>;
  const time = quoteIdentifier(dataset.eventTime);
  const [every, lag, longest] = [durationMicros(view.cuts.every), durationMicros(view.lag), longestWindowMicros(view)];
  const keys = Object.entries(view.keys);
  const keyColumns = keys.map(([key, column]) => `${quoteIdentifier(column)} as ${quoteIdentifier(key)}`).join(', ');
  const keyList = keys.map(([key]) => quoteIdentifier(key)).join(', ');
  const notNull = keys.map(([, column]) => `${quoteIdentifier(column)} is not null`).join(' and ');
  const values = view.features.map((feature, index) => `${valueOf(feature, types)} as ${valueName(index)}`).join(', ');
  // Integer division rounds towards zero, so cuts are counted from one before every row that is read.
  const base = fromCut - (Math.ceil(longest / every) + 1) * every;
  const firstCut = `greatest(${fromCut}, ${base} + ((${TIME} + ${lag - base}) // ${every} + 1) * ${every})`;
  const lastCut = `least(${toCut}, ${base} + ((${TIME} + ${lag + longest - base}) // ${every}) * ${every})`;
  return `
    with source as (
      select ${keyColumns}, ${time} as ${TIME}, ${ROW.knownTs}, ${ROW.supersededTs}, ${values} from ${rows}
      where ${notNull} and ${time} >= ${fromCut - lag - longest} and ${time} < ${toCut - lag}
    ), spread as (
      select *, unnest(generate_series(${firstCut}, ${lastCut}, ${every})) as ${CUT} from source
    )
    select ${keyList}, ${CUT} as event_ts, max(${ROW.knownTs}) + ${durationMicros(view.servingDelay)} as known_ts,
      ${view.features.map((feature, index) => aggregateOf(feature, { index, lag })).join(', ')}
    from spread where ${knownAt(dataset, CUT)}
    group by ${keyList}, ${CUT} order by ${CUT}, ${keyList}`;
}

function checkView(view: FeatureViewSpec): void {
  const names = [...RESERVED, ...Object.keys(view.keys), ...view.features.map(({ name }) => name)];
  const repeated = names.find((name, index) => names.findIndex((other) => sameColumn(other, name)) < index);
  const remedy = 'Give keys and features names of their own; event_ts and known_ts are taken.';
  if (repeated !== undefined)
    throw new DomainError('PRN_RESOURCE_INVALID', {
      where: `FeatureView over ${view.dataset}`,
      problem: `two columns would be called ${repeated}`,
      remedy,
    });
  const bare = view.features.find(({ aggregate, expression }) => aggregate !== 'count' && expression === undefined);
  if (bare !== undefined)
    throw new DomainError('PRN_RESOURCE_INVALID', {
      where: `FeatureView over ${view.dataset}, feature ${bare.name}`,
      problem: `${bare.aggregate} has nothing to aggregate`,
      remedy: 'Add an expression; only count goes without one.',
    });
}

/** Column names that differ in case only are one to the table engine. */
function sameColumn(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

function valueName(index: number): string {
  return `":value_${index}"`;
}

function valueOf({ aggregate, expression }: WindowedFeature, types: Record<string, ColumnType>): string {
  if (expression === undefined) return 'true';
  const sql = renderSql(checkExpression(expression, types));
  if (aggregate === 'count' || aggregate === 'rate') return `(${sql})::boolean`;
  if (aggregate === 'sum' || aggregate === 'avg') return `try_cast((${sql})::double as ${EXACT})`;
  return `case when isfinite((${sql})::double) then (${sql})::double end`;
}

function aggregateOf(feature: WindowedFeature, { index, lag }: { index: number; lag: number }): string {
  const inWindow = `filter (where ${TIME} >= ${CUT} - ${lag + durationMicros(feature.window)})`;
  const value = valueName(index);
  const name = quoteIdentifier(feature.name);
  switch (feature.aggregate) {
    case 'count':
      return `(count(case when ${value} then 1 end) ${inWindow})::real as ${name}`;
    case 'rate':
      return `((count(case when ${value} then 1 end) ${inWindow})::double / nullif(count(${value}) ${inWindow}, 0))::real as ${name}`;
    case 'sum':
      return `(sum(${value}) ${inWindow})::double::real as ${name}`;
    case 'avg':
      return `((sum(${value}) ${inWindow})::double / nullif(count(${value}) ${inWindow}, 0))::real as ${name}`;
    case 'min':
    case 'max':
      return `(${feature.aggregate}(${value}) ${inWindow})::real as ${name}`;
  }
}
