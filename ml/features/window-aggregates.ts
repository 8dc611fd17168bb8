/**
 * The aggregates as SQL in three steps: a value of each row, a partial of each tile, and the result from partials.
 * Additive ones (counts and exact sums) can also be taken back, so that a sliding window costs two changes a tile; the
 * others are combined anew for each cut.
 */
import type { ColumnType } from '../../domain/dataset.js';
import type { WindowedFeature } from '../../domain/feature-view.js';
import { type CheckedExpression, checkExpression } from './expression/check.js';
import { renderSql } from './expression/sql.js';

/**
 * Sums are taken over decimals, which are exact in any order. A number that does not fit counts as missing: beyond
 * 19 digits before the point for `sum` and `avg`, 9 for `stddev`, whose squares must fit too.
 */
const EXACT = 'decimal(28, 9)';
const EXACT_SQUARED = 'decimal(15, 6)';

/** A partial that can be added and subtracted. `partial` aggregates rows of a tile, `result` combines running sums. */
export interface AdditiveAggregate {
  readonly kind: 'additive';
  /** One SQL aggregate over the column `value` each. */
  readonly partials: (value: string) => readonly string[];
  readonly result: (sums: readonly string[]) => string;
}

/** A partial that can only be merged. `merge` aggregates the partials of a window, `filter` included. */
export interface MergedAggregate {
  readonly kind: 'merged';
  readonly partial: (value: string) => string;
  readonly merge: (partial: string, filter: string) => string;
}

export type WindowAggregate = AdditiveAggregate | MergedAggregate;

/** Newest first: what makes one row of a key later than another. Columns of the rows that `windowedFeatures` reads. */
const RANK = '{t: ":time", k: ":known", c: ":commit", s: ":row"}';

const TRUE_ROWS = (value: string): string => `count(case when ${value} then 1 end)`;

/** Null results come from windows without a value; `count` and `distinct` are 0 there. */
export function aggregateOf({ aggregate }: Pick<WindowedFeature, 'aggregate'>): WindowAggregate {
  switch (aggregate) {
    case 'count':
      return { kind: 'additive', partials: (value) => [TRUE_ROWS(value)], result: ([count]) => `${count}` };
    case 'rate':
      return {
        kind: 'additive',
        partials: (value) => [TRUE_ROWS(value), `count(${value})`],
        result: ([hits, count]) => `${hits}::double / nullif(${count}, 0)`,
      };
    case 'sum':
      return {
        kind: 'additive',
        partials: (value) => [`coalesce(sum(${value}), 0)`, `count(${value})`],
        result: ([sum, count]) => `case when ${count} > 0 then ${sum}::double end`,
      };
    case 'avg':
      return {
        kind: 'additive',
        partials: (value) => [`coalesce(sum(${value}), 0)`, `count(${value})`],
        result: ([sum, count]) => `${sum}::double / nullif(${count}, 0)`,
      };
    case 'stddev':
      return {
        kind: 'additive',
        partials: (value) => [`coalesce(sum(${value}), 0)`, `coalesce(sum(${value} * ${value}), 0)`, `count(${value})`],
        // Not by way of null: `greatest` passes over it.
        result: ([sum, squares, count]) =>
          `case when ${count} > 0 then sqrt(greatest(0, ${squares}::double / ${count} - (${sum}::double / ${count}) * (${sum}::double / ${count}))) end`,
      };
    case 'min':
    case 'max':
      return {
        kind: 'merged',
        partial: (value) => `${aggregate}(${value})`,
        merge: (partial, filter) => `${aggregate}(${partial}) ${filter}`,
      };
    case 'last':
      return {
        kind: 'merged',
        partial: (value) => `max({rank: ${RANK}, value: ${value}}) filter (where ${value} is not null)`,
        merge: (partial, filter) => `(max(${partial}) ${filter}).value`,
      };
    case 'distinct':
      return {
        kind: 'merged',
        partial: (value) => `list(distinct ${value}) filter (where ${value} is not null)`,
        merge: (partial, filter) => `coalesce(len(list_distinct(flatten(list(${partial}) ${filter}))), 0)`,
      };
  }
}

/** What a feature aggregates, as SQL over a row of the dataset. Throws `PRN_EXPRESSION_INVALID`. */
export function valueOf({ aggregate, expression }: WindowedFeature, types: Record<string, ColumnType>): string {
  if (expression === undefined) return 'true';
  const checked = checkExpression(expression, types);
  const sql = renderSql(checked);
  if (aggregate === 'count' || aggregate === 'rate') return `(${sql})::boolean`;
  if (aggregate === 'sum' || aggregate === 'avg') return `try_cast((${sql})::double as ${EXACT})`;
  if (aggregate === 'stddev') return `try_cast((${sql})::double as ${EXACT_SQUARED})`;
  return aggregate === 'distinct' ? comparable(checked, sql) : finite(sql);
}

function comparable({ type }: CheckedExpression, sql: string): string {
  return type === 'number' ? finite(sql) : `(${sql})`;
}

function finite(sql: string): string {
  return `case when isfinite((${sql})::double) then (${sql})::double end`;
}
