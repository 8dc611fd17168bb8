/** Entities with 50 features each, generated or read from Parquet, as declared resources and online rows. */
import { join, resolve } from 'node:path';
import { parseResource } from '../domain/resource-errors.js';
import { openFileArtifacts } from '../store/artifacts/file.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { type OnlineRow, onlineKey } from '../store/contracts/features.js';
import { openDatabase } from '../store/mongo/database.js';
import { createStores } from '../store/mongo/stores.js';
import { openTableEngine } from '../store/tables/engine.js';

export const VIEW = 'bench-features';
const FEATURES = 50;
const ENTITIES = 10_000;
const BATCH_ROWS = 1_000;

export interface BenchmarkEntities {
  readonly ids: readonly number[];
  readonly features: readonly string[];
  readonly values: (index: number) => readonly (number | null)[];
}

/** Pseudo-random numbers in [0, 1), the same in every run (Numerical Recipes' linear congruential generator). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function generateEntities(): BenchmarkEntities {
  const random = createRandom(1);
  const values = Array.from({ length: ENTITIES }, () =>
    Array.from({ length: FEATURES }, () => Math.fround(random() * 1_000)),
  );
  return {
    ids: values.map((_row, id) => id),
    features: Array.from({ length: FEATURES }, (_unused, index) => `feature_${index}`),
    values: (index) => values[index] ?? [],
  };
}

/** `features.parquet`: `entity_id` and numeric columns, of which the first 50 are taken. */
export async function readEntities(folder: string): Promise<BenchmarkEntities> {
  const directory = resolve(folder);
  const tables = await openTableEngine({ dataDirectories: [directory], spillDirectory: join(directory, '.spill') });
  try {
    const path = join(directory, 'features.parquet').replaceAll("'", "''");
    const { rows, columns } = await tables.use((session) =>
      session.columns(`select entity_id::bigint as entity_id, * exclude (entity_id) from read_parquet('${path}')`),
    );
    const numeric = Object.entries(columns).flatMap(([name, column]) =>
      column.type === 'string' || name === 'entity_id' ? [] : [{ name, values: column.values }],
    );
    const ids = columns['entity_id'];
    const features = numeric.slice(0, FEATURES);
    return {
      ids: Array.from({ length: rows }, (_unused, row) => Number(ids?.values[row])),
      features: features.map(({ name }) => name),
      values: (row) =>
        features.map(({ values }) => {
          const value = Math.fround(values[row] ?? Number.NaN);
          return Number.isFinite(value) ? value : null;
        }),
    };
  } finally {
    await tables.close();
  }
}

export async function publishEntities(
  at: { folder: string; uri: string; database: string },
  entities: BenchmarkEntities,
): Promise<void> {
  const database = await openDatabase({ uri: at.uri, database: at.database });
  const now = (): number => Date.now() * 1_000;
  const stores = createStores(database, {
    artifacts: openFileArtifacts(join(at.folder, 'artifacts')),
    now,
    sha256Hex,
  });
  try {
    for (const document of resources(entities.features))
      await stores.resources.apply({ resource: parseResource(document, 'benchmark'), actor: 'bench' });
    const rows = entities.ids.map((id, index): OnlineRow => {
      const values = entities.values(index);
      return {
        key: onlineKey([id]),
        values: Object.fromEntries(entities.features.map((name, feature) => [name, values[feature] ?? null])),
        eventTs: now(),
        knownTs: now(),
        seq: index + 1,
        deleted: false,
      };
    });
    for (let from = 0; from < rows.length; from += BATCH_ROWS)
      await stores.features.upsertOnline(VIEW, rows.slice(from, from + BATCH_ROWS));
  } finally {
    await database.close();
  }
}

function resources(features: readonly string[]): unknown[] {
  const resource = (kind: string, name: string, spec: unknown) => ({
    apiVersion: 'perennial/v1',
    kind,
    metadata: { name },
    spec,
  });
  const columns = features.map((name) => ({ name, type: 'float' }));
  return [
    resource('Dataset', 'bench', {
      columns: [{ name: 'at', type: 'timestamp' }, { name: 'entity_id', type: 'integer' }, ...columns],
      eventTime: 'at',
    }),
    resource('Entity', 'bench', { keys: [{ name: 'entity_id', type: 'integer' }] }),
    resource('FeatureView', VIEW, {
      dataset: 'bench',
      entity: 'bench',
      keys: { entity_id: 'entity_id' },
      maxAge: '30d',
      features: features.map((name) => ({ name, expression: name })),
    }),
  ];
}
