/** SQL over tables of quarantined rows (`source_row`, `raw`, `failed_rules`, …): which rows a decision is about. */
import { quoteIdentifier, quoteText } from '../features/expression/sql.js';

export interface RowSelection {
  /** Numbers of rows in their source; null for all. */
  readonly rows: readonly number[] | null;
  /** Only rows whose failed rules are all among these; null for any. */
  readonly failedOnly: readonly string[] | null;
}

/** Leaves the temporary table `quarantined` with the rows, their position among the selected ones (`line`), or null. */
export function selectRows(path: string, { rows, failedOnly }: RowSelection): string {
  const byNumber = rows === null ? 'true' : `source_row in (${rows.map(Math.trunc).join(', ')})`;
  const byRules =
    failedOnly === null ? 'true' : `list_has_all([${failedOnly.map(quoteText).join(', ')}], failed_rules)`;
  const chosen = `(${byNumber} and ${byRules})`;
  return `create or replace temp table quarantined as select *, case when chosen then row_number() over (partition by chosen order by source_row) end as line from (select *, ${chosen} as chosen from read_parquet(${quoteText(path)}))`;
}

/** Numbers of rows: `selected`, and `remaining` if all the selected ones are decided about. */
export const COUNT_SELECTED =
  'select count(*) filter (where line is not null) as selected, count(*) filter (where line is null) as remaining from quarantined';

/** The rows on the given lines stay undecided after all; `path` is a table of the same shape whose rows are these lines. */
export function keepLines(path: string): string {
  return `update quarantined set line = null where line in (select source_row from read_parquet(${quoteText(path)}))`;
}

/** Writes the selected rows as NDJSON with all of the columns; what a row does not have is null. */
export function writeSelected(columns: readonly string[], path: string): string {
  const members = columns.map(
    (name) => `${quoteText(name)}, json_extract(raw, ${quoteText(`$.${quoteIdentifier(name)}`)})`,
  );
  const line = `select json_object(${members.join(', ')})::varchar from quarantined where line is not null order by line`;
  // JSON escapes control characters, so that no line holds the delimiter, and nothing has to be quoted.
  return `copy (${line}) to ${quoteText(path)} (format csv, header false, quote '', escape '', delim '\u001f')`;
}

export function writeRemaining(path: string): string {
  const rows = 'select * exclude (chosen, line) from quarantined where line is null order by source_row';
  return `copy (${rows}) to ${quoteText(path)} (format parquet)`;
}
