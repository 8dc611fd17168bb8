/**
 * The point-in-time join: each spine row gets the newest feature row that existed and was known at its own time. Rows of
 * one key compete by (event_ts, known_ts, seq), which is total, so that the answer does not depend on order or threads.
 */
import { quoteIdentifier, quoteText } from './expression/sql.js';

export interface ViewJoin {
  /** Prefix of the joined columns' aliases, unique per view. */
  readonly alias: string;
  /** Parquet files of the view's chunks with the order of their commits. */
  readonly chunks: readonly { readonly path: string; readonly seq: number }[];
  /** Entity key in the view → column of the spine. */
  readonly keys: readonly { readonly key: string; readonly column: string }[];
  /** Feature in the view → name of the output column. */
  readonly features: readonly { readonly feature: string; readonly output: string }[];
  /** A row older than this at the asked time reads as missing. */
  readonly maxAgeMicros: number | null;
}

/**
 * `select <spine>.*, <features>` for every spine row, in unchanged number. `spine` is a relation with a unique `row_number`
 * and the time `ts`. Method: at its own availability (the later of event and known time) a row counts only if no row
 * known by then has a newer event; of those the last before the asked time wins. A join on availability alone would let
 * a late row of an old event hide a newer one.
 */
export function pointInTimeJoin(spine: string, views: readonly ViewJoin[]): string {
  const common = views.map((view) => viewRows(view)).join(',\n');
  const joins = views.map(({ alias, keys }) => {
    const on = keys.map(({ key, column }) => `s.${quoteIdentifier(column)} = ${alias}.${quoteIdentifier(key)}`);
    return `asof left join ${alias} on ${[...on, `s.ts >= ${alias}.available_ts`].join(' and ')}`;
  });
  const outputs = views.flatMap((view) => view.features.map((feature) => outputColumn(view, feature)));
  const withClause = views.length === 0 ? '' : `with ${common}\n`;
  return `${withClause}select ${['s.*', ...outputs].join(', ')} from ${spine} s ${joins.join(' ')}`;
}

function outputColumn(
  { alias, maxAgeMicros }: ViewJoin,
  { feature, output }: { feature: string; output: string },
): string {
  const value = `${alias}.${quoteIdentifier(feature)}`;
  const fresh =
    maxAgeMicros === null ? value : `case when ${alias}.event_ts >= s.ts - ${maxAgeMicros} then ${value} end`;
  return `${fresh}::real as ${quoteIdentifier(output)}`;
}

function viewRows({ alias, chunks, keys, features }: ViewJoin): string {
  const keyList = keys.map(({ key }) => quoteIdentifier(key)).join(', ');
  const featureList = features.map(({ feature }) => quoteIdentifier(feature)).join(', ');
  const files = chunks
    .map(
      ({ path, seq }) =>
        `select ${keyList}, event_ts, known_ts, ${seq}::bigint as seq, ${featureList} from read_parquet(${quoteText(path)})`,
    )
    .join(' union all ');
  const partition = `partition by ${keyList}`;
  return `${alias}_all as (
    select *, greatest(event_ts, known_ts) as available_ts from (${files}) where event_ts is not null and known_ts is not null
  ), ${alias}_newest as (
    select * from ${alias}_all
    qualify (event_ts, known_ts, seq) >= max((event_ts, known_ts, seq)) over (${partition} order by available_ts range between unbounded preceding and current row)
  ), ${alias} as (
    select * from ${alias}_newest
    qualify row_number() over (${partition}, available_ts order by event_ts desc, known_ts desc, seq desc) = 1
  )`;
}
