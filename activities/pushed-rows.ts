/** Pushed rows on their way into history: documents become chunks that joins read like all others. */
import { rm, writeFile } from 'node:fs/promises';
import { durationMicros } from '../domain/duration.js';
import type { EntityKey } from '../domain/feature-view.js';
import { naturalKeyId, type Sha256Hex } from '../domain/ids.js';
import type { NewChunk } from '../domain/materialization.js';
import type { PlacedRow } from '../domain/row-push.js';
import { featureTypes } from '../ml/features/feature-row-sql.js';
import { pushedRowLines, pushedRows } from '../ml/features/pushed-row-sql.js';
import type { RowPush } from '../store/contracts/features.js';
import type { TableEngine } from '../store/contracts/tables.js';
import { writeVerified } from './jobs/materialize-chunk.js';
import { entityOf, requireResource } from './declared.js';
import type { TrainingStores } from './training-stores.js';

/** Pushes in one chunk: at most a hundred thousand rows. */
const PUSHES_PER_CHUNK = 100;

export interface DrainDependencies {
  readonly stores: TrainingStores;
  readonly tables: TableEngine;
  readonly sha256Hex: Sha256Hex;
}

/**
 * All rows that were pushed for history and lie in no chunk of the view's revision. Two drains at once may write a row
 * twice, with the same rank and values, which no reader can tell from once.
 */
export async function drainPushedRows(
  dependencies: DrainDependencies,
  view: string,
): Promise<{ chunks: number; rows: number }> {
  const { features } = dependencies.stores;
  const { revision } = await requireResource(dependencies.stores, 'FeatureView', view);
  const standing = await features.chunks(view, revision);
  let after = standing.reduce((last, { toPush = 0 }) => Math.max(last, toPush), 0);
  let [chunks, rows] = [0, 0];
  for (;;) {
    const pushes = await features.pushes(view, { after, limit: PUSHES_PER_CHUNK });
    const last = pushes.at(-1);
    if (last === undefined) return { chunks, rows };
    // What must not come online lies apart; the chunk that is written last says how far the drain is.
    const parts = [false, true]
      .map((online) => ({ online, pushes: pushes.filter((push) => push.online === online) }))
      .filter((part) => part.pushes.length > 0);
    for (const [index, part] of parts.entries()) {
      const isLast = index + 1 === parts.length;
      const chunk = await writeChunk(dependencies, { view, revision, ...part, after, toPush: last.number });
      await features.commitChunk(isLast ? { ...chunk, toPush: last.number } : chunk);
      chunks += 1;
      rows += chunk.rows;
    }
    after = last.number;
  }
}

async function writeChunk(
  { stores, tables, sha256Hex }: DrainDependencies,
  drain: {
    view: string;
    revision: number;
    pushes: readonly RowPush[];
    online: boolean;
    after: number;
    toPush: number;
  },
): Promise<NewChunk> {
  const { view, revision, pushes, online, after, toPush } = drain;
  const { spec } = (await requireResource(stores, 'FeatureView', view)).resource;
  const dataset = await requireResource(stores, 'Dataset', spec.dataset);
  const keys: readonly EntityKey[] = (await entityOf(stores, spec))?.keys ?? [];
  const path = await stores.artifacts.scratchPath('ndjson');
  try {
    await writeFile(path, pushedRowLines(pushes.flatMap(placedRows), keys));
    const sql = pushedRows({
      path,
      keys,
      features: featureTypes(spec, dataset.resource.spec),
      servingDelayMicros: durationMicros(spec.servingDelay),
    });
    const written = await tables.use((session) => writeVerified(session, stores.artifacts, sql));
    return {
      view,
      chunkId: naturalKeyId(sha256Hex, ['pushed', view, revision, online, after, toPush]),
      content: 'pushed',
      viewRevision: revision,
      commitSeq: 0,
      sinceSeq: 0,
      datasetVersionId: '',
      online,
      fromCut: written.firstTs,
      toCut: written.lastTs,
      ...written.facts,
      table: written.table,
    };
  } finally {
    await rm(path, { force: true });
  }
}

function placedRows({ number, receivedTs, rows }: RowPush): PlacedRow[] {
  return rows.map((row, index) => ({ push: number, index, receivedTs, row }));
}
