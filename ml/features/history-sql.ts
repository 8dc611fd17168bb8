/** SQL of single questions to feature history: which row of each key counted at one moment. */
import type { FrozenView } from '../../domain/bundle.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';
import { standsAt } from './withdrawal-sql.js';

export interface HistoryQuestion {
  readonly view: Pick<FrozenView, 'keys' | 'features'>;
  /** Parquet files of the view's chunks. */
  readonly paths: readonly string[];
  /** True where rows of some chunks say when they were taken away. */
  readonly withdraws?: boolean;
  /** SQL of feature rows that lie in no chunk yet; needed where there is no file. */
  readonly pushed: string | null;
  /** Parts of each asked key, in the order of the view's keys. */
  readonly keys: readonly (readonly (string | number)[])[];
  /** Microseconds. */
  readonly asOf: number;
}

/** Column with the position of the asked key. */
export const POSITION = ':position';

/**
 * At most one row for each asked key: of those that had happened and were known, the greatest by (event_ts, known_ts,
 * seq). The rule is that of the point-in-time join for a single time. Tombstones and rows beyond the age limit are
 * returned as well: what they mean is for the caller to say, as with an online row.
 */
export function rowsAsOf({ view, paths, withdraws = false, pushed, keys, asOf }: HistoryQuestion): string {
  const parts = view.keys.map(({ key }, part) => ({ column: `r.${quoteIdentifier(key)}`, asked: `a.key_${part}` }));
  const columns = ['event_ts', 'known_ts', 'seq', 'deleted', ...view.features.map(quoteIdentifier)];
  const asked = keys.map((key, position) => {
    const values = view.keys.map(({ type }, part) => keySql(type, key[part]));
    return `(${[position, ...values].join(', ')})`;
  });
  const names = [quoteIdentifier(POSITION), ...parts.map((_part, index) => `key_${index}`)];
  const read = [...view.keys.map(({ key }) => quoteIdentifier(key)), ...columns].join(', ');
  const files = `read_parquet([${paths.map(quoteText).join(', ')}]${withdraws ? ', union_by_name = true' : ''})`;
  const standing = withdraws ? ` where ${standsAt(String(asOf))}` : '';
  const chunks = paths.length === 0 ? [] : [`${files}${standing}`];
  const sources = [...chunks, ...(pushed === null ? [] : [`(${pushed})`])];
  const rows = sources.map((source) => `select ${read} from ${source}`).join(' union all ');
  const matches = parts.map(({ column, asked: key }) => `${column} = ${key}`);
  return `with asked(${names.join(', ')}) as (values ${asked.join(', ')})
    select a.${quoteIdentifier(POSITION)}, ${columns.map((column) => `r.${column}`).join(', ')}
    from asked a join (${rows}) r on ${['true', ...matches].join(' and ')}
    where r.event_ts <= ${asOf} and r.known_ts <= ${asOf}
    qualify row_number() over (
      partition by a.${quoteIdentifier(POSITION)} order by r.event_ts desc, r.known_ts desc, r.seq desc) = 1`;
}

function keySql(type: 'string' | 'integer', value: string | number | undefined): string {
  if (value === undefined) return 'null';
  return type === 'integer' ? `${Number(value)}::bigint` : quoteText(String(value));
}
