/** Feature rows as materialisation leaves them: a chunk of history in Parquet, and online rows, each without the other. */
import { MEDIA_TYPES } from '../../domain/artifact.js';
import type { FeatureType, FeatureValue } from '../../domain/feature-view.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { FEATURE_SQL_TYPES } from '../../ml/features/feature-row-sql.js';
import { type OnlineRow, onlineKey } from '../../store/contracts/features.js';
import type { Stores } from '../../store/contracts/index.js';
import type { TableEngine } from '../../store/contracts/tables.js';

export interface FeatureRow {
  readonly key: readonly (string | number)[];
  readonly values: Readonly<Record<string, FeatureValue>>;
  readonly eventTs: number;
  readonly knownTs: number;
  readonly seq: number;
  readonly deleted?: boolean;
}

export interface ViewShape {
  readonly view: string;
  readonly revision?: number;
  readonly keys: Readonly<Record<string, 'string' | 'integer'>>;
  readonly types: Readonly<Record<string, FeatureType>>;
}

let chunks = 0;

/** Commits the rows as one more chunk of the view. */
export async function writeChunk(
  { stores, tables }: { stores: Stores; tables: TableEngine },
  { view, revision = 1, keys, types }: ViewShape,
  rows: readonly FeatureRow[],
): Promise<void> {
  const columns = [
    ...Object.entries(keys).map(([name, type]) => [name, type === 'integer' ? 'bigint' : 'varchar'] as const),
    ...(['event_ts', 'known_ts', 'seq'] as const).map((name) => [name, 'bigint'] as const),
    ['deleted', 'boolean'] as const,
    ...Object.entries(types).map(([name, type]) => [name, FEATURE_SQL_TYPES[type]] as const),
  ];
  const tuples = rows.map(({ key, values, eventTs, knownTs, seq, deleted = false }) => {
    const features = Object.keys(types).map((name) => literal(values[name] ?? null));
    return `(${[...key.map(literal), eventTs, knownTs, seq, deleted, ...features].join(', ')})`;
  });
  const casts = columns.map(([name, type], index) => `c${index}::${type} as ${quoteIdentifier(name)}`).join(', ');
  const path = await stores.artifacts.scratchPath('parquet');
  const given = `(values ${tuples.join(', ')}) t(${columns.map((_column, index) => `c${index}`).join(', ')})`;
  await tables.use((session) =>
    session.execute(`copy (select ${casts} from ${given}) to ${quoteText(path)} (format parquet)`),
  );
  const times = rows.map(({ eventTs }) => eventTs);
  await stores.features.commitChunk({
    view,
    chunkId: `chunk-${(chunks += 1)}`,
    commitSeq: 1,
    datasetVersionId: 'v',
    viewRevision: revision,
    fromCut: Math.min(...times),
    toCut: Math.max(...times),
    rows: rows.length,
    table: await stores.artifacts.adopt(path, MEDIA_TYPES.parquet),
  });
}

function literal(value: FeatureValue): string {
  return typeof value === 'string' ? quoteText(value) : String(value);
}

export function onlineRow({ key, values, eventTs, knownTs, seq, deleted = false }: FeatureRow): OnlineRow {
  return { key: onlineKey(key), values: deleted ? {} : values, eventTs, knownTs, seq, deleted };
}
