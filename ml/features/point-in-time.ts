/**
 * The point-in-time join: each spine row gets the newest feature row that existed and was known at its own time. Rows of
 * one key compete by (event_ts, known_ts, seq), which is total, so that the answer does not depend on order or threads.
 */
import type { EntityKey, FeatureType } from '../../domain/feature-view.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';
import { FEATURE_SQL_TYPES, WITHDRAWN_COLUMN } from './feature-row-sql.js';
import { AVAILABLE, rowsByStretch, STRETCH } from './withdrawal-sql.js';

/**
 * `as-known` answers what could have been served at the time of each question. `latest` also lets in what became known
 * only afterwards: a leak, for those who want to see the corrected past and say so.
 */
export type Knowledge = 'as-known' | 'latest';

export interface ViewJoin {
  /** Parquet files of feature rows, in any order. */
  readonly chunks: readonly { readonly path: string }[];
  /** Entity key in the view → column of the spine, which has the key's type. None where values hold for everybody. */
  readonly keys: readonly { readonly key: string; readonly type: EntityKey['type']; readonly column: string }[];
  /** Feature in the view → name of the output column. */
  readonly features: readonly { readonly feature: string; readonly type: FeatureType; readonly output: string }[];
  /** A row older than this at the asked time reads as missing. */
  readonly maxAgeMicros: number | null;
  /** True where rows of some chunks have a {@link WITHDRAWN_COLUMN}. */
  readonly withdraws?: boolean;
}

/** The rows that are asked about. */
export interface Spine {
  /** Name of a table or view, or a sub-query in parentheses. */
  readonly relation: string;
  /** Its column with the time of the question, microseconds. */
  readonly timeColumn: string;
  /** First and last question, microseconds: rows that no question can see are then not read. */
  readonly times?: { readonly first: number; readonly last: number } | undefined;
  /** True where the spine asks for few of the keys: rows of others are then left out before anything is sorted. */
  readonly fewKeys?: boolean;
}

const KEY_SQL_TYPES: Readonly<Record<EntityKey['type'], string>> = { string: 'varchar', integer: 'bigint' };

/**
 * `select <spine>.*, <features>` with exactly one row for each spine row, in no order; features have the types of
 * {@link FEATURE_SQL_TYPES}, null where no row qualifies, the winning row is too old, or it deletes the entity. A null in
 * the winning row stays null, it is never filled from an older row. One view a query: joins of several in one query take
 * many times the memory of one after the other.
 */
export function pointInTimeJoin(spine: Spine, view: ViewJoin, knowledge: Knowledge = 'as-known'): string {
  const { chunks, keys, features } = view;
  const outputs = features.map(({ feature, type, output }) => {
    const sql = chunks.length === 0 ? `null::${FEATURE_SQL_TYPES[type]}` : present(spine, view, feature);
    return `${sql} as ${quoteIdentifier(output)}`;
  });
  const selected = ['s.*', ...outputs].join(', ');
  if (chunks.length === 0) return `select ${selected} from ${spine.relation} s`;
  const on = keys.map(({ key, column }) => `s.${quoteIdentifier(column)} = v.${quoteIdentifier(key)}`);
  const rows = knowledge === 'latest' ? latestRows(spine, view) : knownRows(spine, view);
  return `with v as (${rows})
    select ${selected} from ${spine.relation} s
    asof left join v on ${[...on, `${timeOf(spine)} >= v.${AVAILABLE}`].join(' and ')}`;
}

function timeOf({ timeColumn }: Pick<Spine, 'timeColumn'>): string {
  return `s.${quoteIdentifier(timeColumn)}`;
}

/**
 * The winner's value, where the winner counts. An older row would be too old as well, so the limit can come last. To the
 * sorted ASOF a question without a time comes after everything, so that it is taken out here.
 */
function present(spine: Spine, { maxAgeMicros }: ViewJoin, feature: string): string {
  const time = timeOf(spine);
  const fresh = maxAgeMicros === null ? '' : ` and v.event_ts >= ${time} - ${maxAgeMicros}`;
  return `case when not v.deleted and ${time} is not null${fresh} then v.${quoteIdentifier(feature)} end`;
}

/**
 * Rows that win at some time, by the time from which on they do. A row can be used from the later of its event and its
 * knowledge; it never wins if a row with a newer event could be used by then, which a join on that time alone would
 * miss. In this order rows of one event come in the order of their rank, so that comparing events is enough; of rows
 * that come into use at one moment the last counts.
 */
function knownRows(spine: Spine, view: ViewJoin): string {
  const order = [AVAILABLE, 'event_ts', 'known_ts', 'seq'].join(', ');
  const usable = usableRows(spine, view, 'as-known');
  const keys = view.keys.map(({ key }) => key);
  const [rows, parts] = view.withdraws === true ? [rowsByStretch(usable, keys), [STRETCH]] : [`(${usable})`, []];
  return `select * exclude (${['known_ts', 'seq', ...parts].join(', ')}) from ${rows}
    window w as (${partition(view, parts)} order by ${order} rows between unbounded preceding and current row)
    qualify event_ts >= max(event_ts) over w and lead(${AVAILABLE}) over w is distinct from ${AVAILABLE}`;
}

/** Of each event what is known best today. */
function latestRows(spine: Spine, view: ViewJoin): string {
  return `select * exclude (known_ts, seq) from (${usableRows(spine, view, 'latest')})
    window w as (${partition(view)} order by event_ts, known_ts, seq)
    qualify lead(event_ts) over w is distinct from event_ts`;
}

function partition({ keys }: ViewJoin, more: readonly string[] = []): string {
  const columns = [...keys.map(({ key }) => quoteIdentifier(key)), ...more];
  return columns.length === 0 ? '' : `partition by ${columns.join(', ')}`;
}

/** Rows without a time or a key never count. They are left out here: to the sorted ASOF two missing keys are the same. */
function usableRows(spine: Spine, view: ViewJoin, knowledge: Knowledge): string {
  const { chunks, keys, features, withdraws = false } = view;
  const columns = [
    ...keys.map(({ key, type }) => `${quoteIdentifier(key)}::${KEY_SQL_TYPES[type]} as ${quoteIdentifier(key)}`),
    'event_ts, known_ts, seq, deleted',
    ...new Set(features.map(({ feature }) => quoteIdentifier(feature))),
    `${knowledge === 'latest' ? 'event_ts' : 'greatest(event_ts, known_ts)'} as ${AVAILABLE}`,
    ...(withdraws && knowledge === 'as-known' ? [WITHDRAWN_COLUMN] : []),
  ];
  const files = `read_parquet([${chunks.map(({ path }) => quoteText(path)).join(', ')}]${withdraws ? ', union_by_name = true' : ''})`;
  return `select ${columns.join(', ')} from ${files} where ${visible(spine, view, knowledge).join(' and ')}`;
}

function visible({ times, fewKeys, relation }: Spine, view: ViewJoin, knowledge: Knowledge): string[] {
  const { keys, maxAgeMicros, withdraws = false } = view;
  const given = ['event_ts', 'known_ts', ...keys.map(({ key }) => quoteIdentifier(key))];
  const conditions = given.map((column) => `${column} is not null`);
  if (withdraws && knowledge === 'latest') conditions.push(`${WITHDRAWN_COLUMN} is null`);
  if (times !== undefined) {
    conditions.push(`event_ts <= ${times.last}`);
    if (knowledge === 'as-known') conditions.push(`known_ts <= ${times.last}`);
    if (maxAgeMicros !== null) conditions.push(`event_ts >= ${times.first - maxAgeMicros}`);
  }
  if (fewKeys === true)
    for (const { key, type, column } of keys)
      conditions.push(
        `${quoteIdentifier(key)}::${KEY_SQL_TYPES[type]} in (select s.${quoteIdentifier(column)} from ${relation} s)`,
      );
  return conditions;
}
