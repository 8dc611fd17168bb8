/** Materialisation as activities: plan by documents, compute in the pool, publish rows online. */
import { DomainError } from '../domain/errors.js';
import { requireWindowedView } from '../domain/feature-view.js';
import { naturalKeyId, type Sha256Hex } from '../domain/ids.js';
import { planCuts } from '../ml/features/cut-planning.js';
import { quoteIdentifier, quoteText } from '../ml/features/expression/sql.js';
import { type OnlineRow, onlineKey } from '../store/contracts/features.js';
import type { Stores } from '../store/contracts/index.js';
import type { TableEngine } from '../store/contracts/tables.js';
import type { FeatureActivities, FeatureComputeActivities } from '../workflows/contracts/features.js';
import { segmentReferences } from './segment-references.js';
import type { RunJob } from './jobs/index.js';
import { entityOf, requireResource } from './training.js';

const ONLINE_BATCH = 1_000;

export function createFeatureComputeActivities({ stores, runJob }: { stores: Stores; runJob: RunJob }) {
  return {
    async materializeChunk({ plan, chunk }) {
      const view = await requireResource(stores, 'FeatureView', plan.view);
      const dataset = await requireResource(stores, 'Dataset', plan.dataset);
      const segments = await segmentReferences(stores, plan.dataset, plan.datasetVersionId);
      return runJob('materializeChunk', {
        plan,
        chunk,
        view: view.resource.spec,
        dataset: dataset.resource.spec,
        segments,
      });
    },
  } satisfies FeatureComputeActivities;
}

export interface FeatureDependencies {
  readonly stores: Stores;
  readonly tables: TableEngine;
  readonly sha256Hex: Sha256Hex;
}

export function createFeatureActivities({ stores, tables, sha256Hex }: FeatureDependencies) {
  const { features, artifacts } = stores;
  return {
    async planMaterialization({ view, through }) {
      const { revision: viewRevision, resource } = await requireResource(stores, 'FeatureView', view);
      const { dataset } = resource.spec;
      const head = await stores.datasets.head(dataset);
      if (head === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset, hint: '; ingest a source first' });
      const ranges = planCuts({
        spec: requireWindowedView(view, resource.spec),
        segments: await stores.datasets.segments(head),
        chunks: await features.chunks(view, viewRevision),
        through,
      });
      const chunks = ranges.map(({ fromCut, toCut }) => ({
        chunkId: naturalKeyId(sha256Hex, ['chunk', view, viewRevision, head.versionId, fromCut, toCut]),
        fromCut,
        toCut,
      }));
      return { view, viewRevision, dataset, datasetVersionId: head.versionId, commitSeq: head.commitSeq, chunks };
    },

    async publishChunk({ chunk }) {
      const committed = await features.commitChunk(chunk);
      const { resource } = await requireResource(stores, 'FeatureView', chunk.view);
      const entity = await entityOf(stores, resource.spec);
      const keys = (entity?.keys ?? []).map(({ name }) => name);
      const path = await artifacts.localPath(chunk.table);
      const rows = await newestRows(tables, {
        path,
        keys,
        features: resource.spec.features.map(({ name }) => name),
      });
      for (let from = 0; from < rows.length; from += ONLINE_BATCH)
        await features.upsertOnline(chunk.view, rows.slice(from, from + ONLINE_BATCH));
      return { seq: committed.seq, onlineRows: rows.length };
    },
  } satisfies FeatureActivities;
}

/** The last row of each key in a chunk. */
async function newestRows(
  tables: TableEngine,
  read: { path: string; keys: readonly string[]; features: readonly string[] },
): Promise<OnlineRow[]> {
  const { path, keys, features } = read;
  const partition = keys.length === 0 ? '' : `partition by ${keys.map(quoteIdentifier).join(', ')}`;
  const rows = await tables.use((session) =>
    session.rows(
      `select * from read_parquet(${quoteText(path)}) qualify row_number() over (${partition} order by event_ts desc, known_ts desc, seq desc) = 1`,
    ),
  );
  return rows.map((row) => ({
    key: onlineKey(keys.map((key) => (typeof row[key] === 'number' ? row[key] : String(row[key])))),
    values: row['deleted'] === true ? {} : Object.fromEntries(features.map((name) => [name, row[name] ?? null])),
    eventTs: Number(row['event_ts']),
    knownTs: Number(row['known_ts']),
    seq: Number(row['seq']),
    deleted: row['deleted'] === true,
  }));
}
