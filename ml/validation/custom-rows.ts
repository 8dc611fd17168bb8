/** Custom rules: one SELECT over the accepted rows that must find nothing. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { SAMPLE_CAP } from '../../domain/validation.js';
import { quoteIdentifier } from '../features/expression/sql.js';
import { ACCEPTED } from './judged-sql.js';

/** What such a query may read: the accepted rows with their declared columns. */
export const SOURCE_VIEW = 'source';

export function sourceView({ columns }: DatasetSpec): string {
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  return `create or replace temp view ${SOURCE_VIEW} as select ${names} from ${ACCEPTED}`;
}

/** How many rows a query finds (`failing`), and the first of them as JSON (`value`), in an order of their own. */
export function customRows(canonical: string): { readonly count: string; readonly first: string } {
  const rows = `(${canonical}) as found`;
  const first = `select to_json(found)::varchar as value from ${rows} order by 1 limit ${SAMPLE_CAP}`;
  return { count: `select count(*) as failing from ${rows}`, first };
}
