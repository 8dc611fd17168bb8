/** SQL of a spine: what a caller would have sent at each row's time, beside what has become known of it since. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { versionWindow } from './dataset-sql.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';

/** What {@link askedRows} computes of the row as it was restated, quoted. */
export const RESTATED = '"row:restated"';

/**
 * The rows of a relation of `datasetRelation` with the columns of ROW and {@link RESTATED}, an expression over their own
 * values, such as a label. The declared columns are those of the first version that was known: a caller sent the row as it
 * was first made, without what it lacked then. Without keys no row is a version of another, and each has its own values.
 */
export function askedRows(
  dataset: Pick<DatasetSpec, 'columns' | 'keys' | 'eventTime'>,
  { relation, restated }: { relation: string; restated: string },
): string {
  const columns = dataset.columns.map(({ name }) => quoteIdentifier(name));
  if (dataset.keys.length === 0) return `(select *, ${restated} as ${RESTATED} from ${relation})`;
  const asked = '"row:asked"';
  const sent = dataset.columns.map(
    ({ name }) => `struct_extract(${asked}, ${quoteText(name)}) as ${quoteIdentifier(name)}`,
  );
  const first = `first_value(struct_pack(${columns.map((column) => `${column} := ${column}`).join(', ')}))`;
  return `(select * exclude (${asked}) replace (${sent.join(', ')}) from (
    select *, ${restated} as ${RESTATED}, ${first} over (${versionWindow(dataset)}) as ${asked} from ${relation}))`;
}
