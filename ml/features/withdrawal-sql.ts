/** SQL of feature rows that count only until a later version of their dataset took them away. */
import { quoteIdentifier } from './expression/sql.js';
import { WITHDRAWN_COLUMN } from './feature-row-sql.js';

/** Columns of the steps of a join; no key or feature can be called like them. */
export const AVAILABLE = '":available_ts"';
/** When the stretch of time begins in which a row competes; null for the first. */
export const STRETCH = '":stretch"';

/** True for rows that were not taken away by a time (an SQL expression). */
export function standsAt(time: string, row = ''): string {
  return `(${row}${WITHDRAWN_COLUMN} is null or ${row}${WITHDRAWN_COLUMN} > ${time})`;
}

/**
 * Rows apart by stretches of time in which nothing of their key is taken away. A row begins in the stretch of its
 * {@link AVAILABLE} and again, available from there on, in each later one that it lives to see. Every stretch but the first
 * opens with a deleted row that ranks below all others: what was taken away must not be carried on where nothing is left.
 */
export function rowsByStretch(usable: string, keys: readonly string[]): string {
  const names = keys.map(quoteIdentifier);
  const on = names.map((name) => `r.${name} = b.${name} and `).join('');
  const own = [...names, `${WITHDRAWN_COLUMN} as ${STRETCH}`].join(', ');
  const first = `-9000000000000000000::bigint`;
  return `(with usable as (${usable}),
    lasting as (select * from usable where ${standsAt(AVAILABLE)}),
    bounds as (select distinct ${own} from lasting where ${WITHDRAWN_COLUMN} is not null)
    select r.* exclude (${WITHDRAWN_COLUMN}), b.${STRETCH} from lasting r asof left join bounds b on ${on}r.${AVAILABLE} >= b.${STRETCH}
    union all by name
    select r.* exclude (${WITHDRAWN_COLUMN}) replace (b.${STRETCH} as ${AVAILABLE}), b.${STRETCH} from lasting r
      join bounds b on ${on}b.${STRETCH} > r.${AVAILABLE} and ${standsAt(`b.${STRETCH}`, 'r.')}
    union all by name
    select *, ${STRETCH} as ${AVAILABLE}, ${first} as event_ts, ${first} as known_ts, 0::bigint as seq, true as deleted from bounds)`;
}
