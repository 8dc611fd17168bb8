/** SQL of windowed aggregates at cuts: each row is spread to the cuts whose windows hold it, then grouped once. */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { type FeatureViewSpec, longestWindowMicros, type WindowedFeature } from '../../domain/feature-view.js';
import { checkExpression } from './expression/check.js';
import { quoteIdentifier, renderSql } from './expression/sql.js';

/**
 * Feature rows of the cuts `fromCut … toCut`: keys, `event_ts` (the cut), `known_ts` (the latest of the inputs, plus the
 * serving delay) and the features as REAL. A window is `[cut − lag − length, cut − lag)`; only rows known at the cut are
 * read. Sums are exact decimals, so that they do not depend on the order of the rows.
 */
export function windowedFeatures(input: {
  readonly view: FeatureViewSpec;
  readonly dataset: DatasetSpec;
  /** Relation of the dataset's rows with `known_ts`. */
  readonly rows: string;
  readonly fromCut: number;
  readonly toCut: number;
}): string {
  const { view, dataset, rows, fromCut, toCut } = input;
  const types = Object.fromEntries(dataset.columns.map(({ name, type }) => [name, type])) as Record<string, ColumnType>;
  const time = quoteIdentifier(dataset.eventTime);
  const [every, lag, longest] = [durationMicros(view.cuts.every), durationMicros(view.lag), longestWindowMicros(view)];
  const keys = Object.entries(view.keys);
  const keyColumns = keys.map(([key, column]) => `${quoteIdentifier(column)} as ${quoteIdentifier(key)}`).join(', ');
  const keyList = keys.map(([key]) => quoteIdentifier(key)).join(', ');
  const notNull = keys.map(([, column]) => `${quoteIdentifier(column)} is not null`).join(' and ');
  const values = view.features.map((feature, index) => `${valueOf(feature, types)} as v${index}`).join(', ');
  // Integer division rounds towards zero, so cuts are counted from one before every row that is read.
  const base = fromCut - (Math.ceil(longest / every) + 1) * every;
  const firstCut = `greatest(${fromCut}, ${base} + ((ts + ${lag - base}) // ${every} + 1) * ${every})`;
  const lastCut = `least(${toCut}, ${base} + ((ts + ${lag + longest - base}) // ${every}) * ${every})`;
  return `
    with source as (
      select ${keyColumns}, ${time} as ts, known_ts, ${values} from ${rows}
      where ${notNull} and ${time} >= ${fromCut - lag - longest} and ${time} < ${toCut - lag}
    ), spread as (
      select *, unnest(generate_series(${firstCut}, ${lastCut}, ${every})) as cut from source
    )
    select ${keyList}, cut as event_ts, max(known_ts) + ${durationMicros(view.servingDelay)} as known_ts,
      ${view.features.map((feature, index) => aggregateOf(feature, { index, lag })).join(', ')}
    from spread where known_ts <= cut
    group by ${keyList}, cut order by cut, ${keyList}`;
}

/** DECIMAL keeps sums exact; twelve digits before the point are enough for money, minutes and miles. */
const EXACT = 'decimal(38, 6)';

function valueOf(feature: WindowedFeature, types: Record<string, ColumnType>): string {
  if (feature.expression === undefined) return '1';
  return renderSql(checkExpression(feature.expression, types));
}

function aggregateOf(feature: WindowedFeature, { index, lag }: { index: number; lag: number }): string {
  const inWindow = `filter (where ts >= cut - ${lag + durationMicros(feature.window)})`;
  const value = `v${index}`;
  const name = quoteIdentifier(feature.name);
  switch (feature.aggregate) {
    case 'count':
      return `(count(${feature.expression === undefined ? '*' : `case when ${value} then 1 end`}) ${inWindow})::real as ${name}`;
    case 'rate':
      return `((count(case when ${value} then 1 end) ${inWindow})::double / nullif(count(${value}) ${inWindow}, 0))::real as ${name}`;
    case 'sum':
      return `(sum(${value}::${EXACT}) ${inWindow})::double::real as ${name}`;
    case 'avg':
      return `((sum(${value}::${EXACT}) ${inWindow})::double / nullif(count(${value}) ${inWindow}, 0))::real as ${name}`;
    case 'min':
    case 'max':
      return `(${feature.aggregate}(${value}) ${inWindow})::real as ${name}`;
  }
}
