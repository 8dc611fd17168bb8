/**
 * SQL of windowed aggregates at cuts. Rows are first summed up in tiles (the greatest length that divides every window
 * and the distance of cuts), apart by when they could be used. A tile then enters and leaves each window at known cuts,
 * so that a window of ninety days costs as much as one of an hour.
 */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import {
  type EntityKey,
  longestWindowMicros,
  type WindowedFeature,
  type WindowedView,
} from '../../domain/feature-view.js';
import { ROW } from './dataset-sql.js';
import { quoteIdentifier } from './expression/sql.js';
import { FIRST_ROW_OF_COMMIT, keyColumns } from './feature-row-sql.js';
import { aggregateOf, type AdditiveAggregate, type MergedAggregate, valueOf } from './window-aggregates.js';

/** `at-cut`: a cut sees only what was known by then. `latest`: it sees what is known today, which leaks in training. */
export type CutKnowledge = 'at-cut' | 'latest';

export interface WindowedFeaturesInput {
  readonly view: WindowedView;
  readonly dataset: DatasetSpec;
  /** The relation that `datasetRelation` gives. */
  readonly rows: string;
  readonly fromCut: number;
  readonly toCut: number;
  /** Commit that the rows were read at: it orders computations of the same cut. */
  readonly commitSeq: number;
  readonly knowledge?: CutKnowledge;
  /** Keys of the entity, in whose types they are kept; in those of the dataset's columns where they are left out. */
  readonly entityKeys?: readonly EntityKey[] | undefined;
}

interface Column {
  readonly name: string;
  readonly windowMicros: number;
  readonly value: string;
}
interface AdditiveColumn extends Column {
  readonly aggregate: AdditiveAggregate;
  /** Names of its partial sums. */
  readonly sums: readonly string[];
}
interface MergedColumn extends Column {
  readonly aggregate: MergedAggregate;
  readonly partial: string;
}

/** All that the steps share, laid out once. */
interface Layout {
  readonly input: WindowedFeaturesInput;
  readonly keys: readonly string[];
  readonly additive: readonly AdditiveColumn[];
  readonly merged: readonly MergedColumn[];
  readonly every: number;
  readonly longest: number;
  readonly tile: number;
  /** A cut before everything that is read: SQL's integer division rounds towards zero, so that all is counted from here. */
  readonly base: number;
}

/**
 * Feature rows of the cuts `fromCut … toCut`: keys, `event_ts` (the cut), `known_ts` (the cut plus the serving delay),
 * `seq`, `deleted` and the features as REAL. A window is `[cut − lag − length, cut − lag)`; of the dataset's rows only
 * those known at the cut are read, each in the last restatement known then. A key has a row where its longest window
 * holds one, and one more where that has become empty: there counts are 0 and every other aggregate null.
 */
export function windowedFeatures(input: WindowedFeaturesInput): string {
  const layout = layOut(input);
  const { keys, merged } = layout;
  const joined = merged.length === 0 ? '' : ` left join merged m on ${matching(['cut', ...keys], 'a', 'm')}`;
  const names = keys.map((key) => `a.${key}`);
  const { servingDelay } = input.view;
  return `with source as (${sourceRows(layout)}),
    partials as (${tilePartials(layout)}),
    changes as (${windowChanges(layout)}),
    running as (${runningSums(layout)}),
    additive as (${cutRows(layout)})${merged.length === 0 ? '' : `,\n    merged as (${mergedRows(layout)})`}
    select ${[...names, `a.":cut" as event_ts`, `a.":cut" + ${durationMicros(servingDelay)} as known_ts`].join(', ')},
      ${input.commitSeq}::bigint * ${FIRST_ROW_OF_COMMIT} as seq, false as deleted, ${outputs(layout).join(', ')}
    from additive a${joined} order by a.":cut"${names.map((name) => `, ${name}`).join('')}`;
}

function layOut(input: WindowedFeaturesInput): Layout {
  const { view, dataset, fromCut } = input;
  const types = Object.fromEntries(dataset.columns.map(({ name, type }) => [name, type])) as Record<string, ColumnType>;
  const every = durationMicros(view.cuts.every);
  const longest = longestWindowMicros(view);
  const columns = view.features.map((feature, index) => columnOf(feature, index, types));
  return {
    input,
    keys: Object.keys(view.keys).map(quoteIdentifier),
    additive: columns.filter((column): column is AdditiveColumn => column.aggregate.kind === 'additive'),
    merged: columns.filter((column): column is MergedColumn => column.aggregate.kind === 'merged'),
    every,
    longest,
    tile: view.features.map(({ window }) => durationMicros(window)).reduce(greatestCommonDivisor, every),
    base: fromCut - (Math.ceil(longest / every) + 2) * every,
  };
}

function columnOf(
  feature: WindowedFeature,
  index: number,
  types: Record<string, ColumnType>,
): AdditiveColumn | MergedColumn {
  const shared = {
    name: feature.name,
    windowMicros: durationMicros(feature.window),
    value: valueOf(feature, types),
  };
  const aggregate = aggregateOf(feature);
  if (aggregate.kind === 'merged') return { ...shared, aggregate, partial: `":merged_${index}"` };
  return { ...shared, aggregate, sums: aggregate.partials('x').map((_sql, part) => `":sum_${index}_${part}"`) };
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}

function matching(columns: readonly string[], left: string, right: string): string {
  const quoted = columns.map((column) => (column === 'cut' ? '":cut"' : column));
  return quoted.map((column) => `${left}.${column} = ${right}.${column}`).join(' and ');
}

function list(...parts: readonly (readonly string[])[]): string {
  return parts.flat().join(', ');
}

/** Rows that can touch a cut, with the values that are aggregated. */
function sourceRows({ input, additive, merged, every, longest }: Layout): string {
  const { view, dataset, rows, fromCut, toCut } = input;
  const time = quoteIdentifier(dataset.eventTime);
  const lag = durationMicros(view.lag);
  const keys = keyColumns(input);
  const values = [...additive, ...merged].map(({ name, value }) => `${value} as ${valueName(name)}`);
  const known = list(
    keys.map(({ value, key }) => `${value} as ${key}`),
    [`${time} as ":time"`, `${ROW.knownTs} as ":known"`, `${ROW.supersededTs} as ":superseded"`],
    [`${ROW.commitSeq} as ":commit"`, `${ROW.seq} as ":row"`],
  );
  const inTime = `${time} >= ${fromCut - every - lag - longest} and ${time} < ${toCut - lag}`;
  const given = keys.map(({ value }) => ` and ${value} is not null`).join('');
  return `select ${list([known], values)} from ${rows} where ${inTime}${given}`;
}

function valueName(feature: string): string {
  return quoteIdentifier(`:value_${feature}`);
}

/** One row for each key, tile and stretch of cuts that may see it. */
function tilePartials({ input, keys, additive, merged, every, tile, base }: Layout): string {
  const lag = durationMicros(input.view.lag);
  const cutAfter = (time: string): string => `${base} + ((${time} - ${base} + ${every - 1}) // ${every}) * ${every}`;
  const index = `(":time" + ${lag} - ${base}) // ${tile}`;
  const firstCut = `${base} + ((${index}) * ${tile} + ${tile + every - 1}) // ${every} * ${every}`;
  const latest = input.knowledge === 'latest';
  const enter = latest ? firstCut : `greatest(${firstCut}, ${cutAfter('":known"')})`;
  const restated = latest ? 'null::bigint' : cutAfter('":superseded"');
  const sums = additive.flatMap(({ aggregate, sums: names, name }) =>
    aggregate.partials(valueName(name)).map((sql, part) => `${sql} as ${names[part]}`),
  );
  const parts = merged.map(({ aggregate, partial, name }) => `${aggregate.partial(valueName(name))} as ${partial}`);
  return `select ${list(keys, [`${index} as ":tile"`, `${enter} as ":enter"`, `${restated} as ":restated"`, 'count(*) as ":rows"'], sums, parts)}
    from source ${latest ? 'where ":superseded" is null' : ''} group by ${list(keys, ['":tile"', '":enter"', '":restated"'])}`;
}

/** The first cut that no longer sees a tile in a window of the given length. */
function leaveCut({ base, tile, every }: Layout, windowMicros: number): string {
  const left = `${base} + (":tile" * ${tile} + ${windowMicros}) // ${every} * ${every} + ${every}`;
  return `least(${left}, coalesce(":restated", ${left}))`;
}

/**
 * What enters the windows at a cut, all of them at the same, and what leaves each of them at its own, as changes of the
 * sums. Row counts are those of the longest window.
 */
function windowChanges(layout: Layout): string {
  const { input, keys, additive, longest } = layout;
  const { fromCut, toCut } = input;
  const windows = [...new Set([longest, ...additive.map(({ windowMicros }) => windowMicros)])];
  const seen = (window: number): string => {
    const leave = leaveCut(layout, window);
    return `":enter" < ${leave} and ":enter" <= ${toCut} and ${leave} >= ${fromCut}`;
  };
  const columns = (change: (column: string, window: number) => string): string =>
    list(
      [`${change('":rows"', longest)} as ":rows"`],
      additive.flatMap(({ windowMicros, sums }) => sums.map((sum) => `${change(sum, windowMicros)} as ${sum}`)),
    );
  const entering = columns((column, window) =>
    window === longest ? column : `case when ${seen(window)} then ${column} else 0 end`,
  );
  const leaving = windows.map((window) => {
    const leave = leaveCut(layout, window);
    const taken = columns((column, each) => (each === window ? `-${column}` : '0'));
    return `select ${list(keys, [`${leave} as ":cut"`, taken])} from partials where ${seen(window)} and ${leave} <= ${toCut}`;
  });
  return [
    `select ${list(keys, [`greatest(":enter", ${fromCut}) as ":cut"`, entering])} from partials where ${seen(longest)}`,
    ...leaving,
  ].join('\n    union all ');
}

function sumNames({ additive }: Layout): string[] {
  return ['":rows"', ...additive.flatMap(({ sums }) => sums)];
}

function runningSums(layout: Layout): string {
  const { keys } = layout;
  const partition = keys.length === 0 ? '' : `partition by ${list(keys)} `;
  const order = `${partition}order by ":cut"`;
  const sums = sumNames(layout);
  return `select ${list(keys, ['":cut"', `lead(":cut") over (${order}) as ":next"`])}, ${sums
    .map((name) => `sum(${name}) over (${order} rows unbounded preceding) as ${name}`)
    .join(', ')}
    from (select ${list(keys, ['":cut"'])}, ${sums.map((name) => `sum(${name}) as ${name}`).join(', ')} from changes group by ${list(keys, ['":cut"'])})`;
}

/** Every cut while the longest window holds rows, and the first at which it holds none. */
function cutRows(layout: Layout): string {
  const { input, keys, every } = layout;
  const last = `least(coalesce(":next" - ${every}, ${input.toCut}), ${input.toCut})`;
  const cuts = `unnest(case when ":rows" > 0 then generate_series(":cut", ${last}, ${every}) else [":cut"] end)`;
  return `select ${list(keys, [`${cuts} as ":cut"`], sumNames(layout))} from running`;
}

/** Partials of each cut merged anew, for aggregates that cannot be taken back. */
function mergedRows(layout: Layout): string {
  const { input, keys, merged, every } = layout;
  const widest = leaveCut(layout, Math.max(...merged.map(({ windowMicros }) => windowMicros)));
  const cuts = `unnest(generate_series(greatest(":enter", ${input.fromCut}), least(${widest} - ${every}, ${input.toCut}), ${every}))`;
  const results = merged.map(({ aggregate, partial, windowMicros, name }) => {
    const filter = `filter (where ":cut" < ${leaveCut(layout, windowMicros)})`;
    return `${aggregate.merge(partial, filter)} as ${quoteIdentifier(name)}`;
  });
  return `select ${list(keys, ['":cut"'], results)} from (select *, ${cuts} as ":cut" from partials) group by ${list(keys, ['":cut"'])}`;
}

/** In the order that the view declares; null for what 32 bits cannot hold. */
function outputs({ input, additive, merged }: Layout): string[] {
  return input.view.features.map(({ name }) => {
    const column = quoteIdentifier(name);
    const sum = additive.find((each) => each.name === name);
    if (sum !== undefined)
      return `try_cast(${sum.aggregate.result(sum.sums.map((each) => `a.${each}`))} as real) as ${column}`;
    const isCount = merged.some((each) => each.name === name) && isDistinct(input, name);
    return `try_cast(${isCount ? `coalesce(m.${column}, 0)` : `m.${column}`} as real) as ${column}`;
  });
}

function isDistinct({ view }: WindowedFeaturesInput, name: string): boolean {
  return view.features.some((feature) => feature.name === name && feature.aggregate === 'distinct');
}
