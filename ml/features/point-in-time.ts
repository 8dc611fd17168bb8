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

/** The rows that are asked about. */
export interface Spine {
  /** Name of a table or view, or a sub-query in parentheses. */
  readonly relation: string;
  /** Its column with the time of the question, microseconds. */
  readonly timeColumn: string;
}

/** Columns of the steps in between; no key or feature can be called like them. */
const [SEQ, AVAILABLE] = ['":seq"', '":available_ts"'];

/**
 * `select <spine>.*, <features>` with exactly one row for each spine row; features are REAL, null where no row qualifies.
 * Method: at its own availability (the later of event and known time) a row counts only if no row known by then has a
 * newer event; of those the last before the asked time wins. A join on availability alone would let a late row of an old
 * event hide a newer one. A null in the winning row stays null, it is never filled from an older row.
 */
export function pointInTimeJoin({ relation, timeColumn }: Spine, views: readonly ViewJoin[]): string {
  const time = `s.${quoteIdentifier(timeColumn)}`;
  const filled = views.filter(({ chunks }) => chunks.length > 0);
  const joins = filled.map(({ alias, keys }) => {
    const on = keys.map(({ key, column }) => `s.${quoteIdentifier(column)} = ${alias}.${quoteIdentifier(key)}`);
    return `asof left join ${alias} on ${[...on, `${time} >= ${alias}.${AVAILABLE}`].join(' and ')}`;
  });
  const outputs = views.flatMap((view) => view.features.map((feature) => outputColumn(view, feature, time)));
  const withClause = filled.length === 0 ? '' : `with ${filled.map(viewRows).join(',\n')}\n`;
  return `${withClause}select ${['s.*', ...outputs].join(', ')} from ${relation} s ${joins.join(' ')}`;
}

function outputColumn(
  { alias, chunks, maxAgeMicros }: ViewJoin,
  { feature, output }: { feature: string; output: string },
  time: string,
): string {
  if (chunks.length === 0) return `null::real as ${quoteIdentifier(output)}`;
  const value = `${alias}.${quoteIdentifier(feature)}`;
  const fresh =
    maxAgeMicros === null ? value : `case when ${alias}.event_ts >= ${time} - ${maxAgeMicros} then ${value} end`;
  return `${fresh}::real as ${quoteIdentifier(output)}`;
}

function viewRows({ alias, chunks, keys, features }: ViewJoin): string {
  const keyList = keys.map(({ key }) => quoteIdentifier(key)).join(', ');
  const featureList = [...new Set(features.map(({ feature }) => quoteIdentifier(feature)))];
  const columns = [keyList, 'event_ts', 'known_ts', ...featureList].join(', ');
  const files = chunks
    .map(({ path, seq }) => `select ${columns}, ${seq}::bigint as ${SEQ} from read_parquet(${quoteText(path)})`)
    .join(' union all ');
  const partition = `partition by ${keyList}`;
  const rank = `(event_ts, known_ts, ${SEQ})`;
  // ASOF matches null with null, so rows without a time are taken out on this side; the spine's are then unmatched.
  return `${alias}_all as (
    select *, greatest(event_ts, known_ts) as ${AVAILABLE} from (${files}) where event_ts is not null and known_ts is not null
  ), ${alias}_newest as (
    select * from ${alias}_all
    qualify ${rank} >= max(${rank}) over (${partition} order by ${AVAILABLE} range between unbounded preceding and current row)
  ), ${alias} as (
    select * from ${alias}_newest
    qualify row_number() over (${partition}, ${AVAILABLE} order by event_ts desc, known_ts desc, ${SEQ} desc) = 1
  )`;
}
