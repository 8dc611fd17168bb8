/** A row of a view's Parquet files as the online store keeps it. */
import { type OnlineRow, onlineKey } from '../../store/contracts/features.js';
import type { SqlValue } from '../../store/contracts/tables.js';

export function onlineRowOf(
  row: Readonly<Record<string, SqlValue>>,
  { keys, features }: { keys: readonly string[]; features: readonly string[] },
): OnlineRow {
  const deleted = row['deleted'] === true;
  return {
    key: onlineKey(keys.map((key) => (typeof row[key] === 'number' ? row[key] : String(row[key])))),
    values: deleted ? {} : Object.fromEntries(features.map((name) => [name, row[name] ?? null])),
    eventTs: Number(row['event_ts']),
    knownTs: Number(row['known_ts']),
    seq: Number(row['seq']),
    deleted,
  };
}
