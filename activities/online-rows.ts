/** Rows of a publication as the online store takes them. */
import type { EntityKey } from '../domain/feature-view.js';
import { quoteText } from '../ml/features/expression/sql.js';
import { type OnlineRow, onlineKey } from '../store/contracts/features.js';
import type { TableSession } from '../store/contracts/tables.js';

export interface OnlineRowsRead {
  readonly path: string;
  readonly fromRow: number;
  /** Excluded. */
  readonly toRow: number;
  readonly keys: readonly EntityKey[];
  /** Names of the features. */
  readonly features: readonly string[];
}

export async function readOnlineRows(session: TableSession, read: OnlineRowsRead): Promise<OnlineRow[]> {
  const { path, fromRow, toRow, keys, features } = read;
  const rows = await session.rows(
    `select * from read_parquet(${quoteText(path)}, file_row_number = true)
      where file_row_number >= ${fromRow} and file_row_number < ${toRow}`,
  );
  return rows.map((row) => {
    const deleted = row['deleted'] === true;
    return {
      key: onlineKey(keys.map(({ name, type }) => (type === 'integer' ? Number(row[name]) : String(row[name])))),
      values: deleted ? {} : Object.fromEntries(features.map((name) => [name, row[name] ?? null])),
      eventTs: Number(row['event_ts']),
      knownTs: Number(row['known_ts']),
      seq: Number(row['seq']),
      deleted,
    };
  });
}
