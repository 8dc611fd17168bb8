/** Materialisation as activities: plan by documents, compute in the pool, keep, bring online, and say how far it is. */
import type { DatasetVersion } from '../domain/dataset.js';
import { DomainError } from '../domain/errors.js';
import { type FeatureViewSpec, isWindowedView } from '../domain/feature-view.js';
import { naturalKeyId, type Sha256Hex } from '../domain/ids.js';
import { generationOf, type MaterializationState, type NewChunk } from '../domain/materialization.js';
import { cutAtOrBefore, planCuts } from '../ml/features/cut-planning.js';
import { datasetRelation, ROW } from '../ml/features/dataset-sql.js';
import { quoteIdentifier, quoteText } from '../ml/features/expression/sql.js';
import { planRows } from '../ml/features/row-planning.js';
import type { Stores } from '../store/contracts/index.js';
import type { TableEngine } from '../store/contracts/tables.js';
import type {
  FeatureActivities,
  FeatureComputeActivities,
  MaterializedVersion,
  PlannedChunk,
} from '../workflows/contracts/features.js';
import { chunksOf, viewRevisionOf } from './feature-versions.js';
import type { RunJob } from './jobs/index.js';
import { localSegments } from './jobs/segments.js';
import { readOnlineRows } from './online-rows.js';
import type { Clock } from './ports.js';
import { type DrainDependencies, drainPushedRows } from './pushed-rows.js';
import { historyReferences, historyVersions, referencesOf } from './segment-references.js';
import { requireResource } from './declared.js';
import type { TrainingStores } from './training-stores.js';

/** Rows that are read, written and reported at a time. */
const ONLINE_BATCH = 5_000;

export function createFeatureComputeActivities({ stores, runJob }: { stores: Stores; runJob: RunJob }) {
  return {
    materializeChunk: ({ at, chunk }) => computeChunk({ stores, runJob }, { at, chunk }),
    async gatherPublication({ at }) {
      const generation = generationOf({ viewRevision: at.viewRevision, sinceSeq: at.version?.sinceSeq ?? 0 });
      const state = await stores.features.state(at.view);
      const online = state !== null && generationOf(state) === generation ? state.seq : 0;
      const chunks = (await chunksOf(stores, at)).filter(({ seq }) => seq > online);
      const last = chunks.at(-1);
      if (last === undefined) return null;
      const { entityKeys } = await viewRevisionOf(stores, at);
      const filled = chunks.filter((chunk) => chunk.online && chunk.rows > 0);
      const tables = filled.map(({ table }) => table);
      const keys = entityKeys.map(({ name }) => name);
      const withdraws = filled.some((chunk) => chunk.withdraws);
      const gathered =
        tables.length === 0
          ? { table: last.table, rows: 0 }
          : await runJob('gatherPublication', { tables, keys, withdraws });
      return { ...gathered, generation, throughSeq: last.seq };
    },
  } satisfies FeatureComputeActivities;
}

/** The feature rows of one planned chunk, not committed yet. */
export async function computeChunk(
  { stores, runJob }: { readonly stores: TrainingStores; readonly runJob: RunJob },
  { at, chunk }: { readonly at: MaterializedVersion; readonly chunk: PlannedChunk },
): Promise<NewChunk> {
  if (at.version === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset: at.dataset, hint: '' });
  const { spec: view, entityKeys } = await viewRevisionOf(stores, at);
  const dataset = (await requireResource(stores, 'Dataset', at.dataset)).resource.spec;
  const segments = await historyReferences(stores, at.dataset, at.version.versionId);
  return runJob('materializeChunk', { at, chunk, view, entityKeys, dataset, segments });
}

/** The version of its dataset that a view is brought to, and the last cut of it. */
export async function pinMaterialization(
  { stores, now }: { readonly stores: TrainingStores; readonly now: Clock },
  { view, through }: { readonly view: string; readonly through: number | null },
): Promise<MaterializedVersion> {
  const { revision: viewRevision, resource } = await requireResource(stores, 'FeatureView', view);
  const { dataset } = resource.spec;
  const head = await stores.datasets.head(dataset);
  if (head === null && (await stores.features.pushes(view, { after: 0, limit: 1 })).length === 0)
    throw new DomainError('PRN_DATASET_EMPTY', { dataset, hint: '; ingest a source first' });
  // A cut of the future would be computed without what is still to come, and never again.
  const last = Math.min(through ?? now(), now());
  const cut = isWindowedView(resource.spec) ? cutAtOrBefore(resource.spec, last) : null;
  return { view, viewRevision, dataset, version: head === null ? null : versionOf(head), through: cut };
}

export interface FeatureDependencies {
  readonly stores: Stores;
  readonly tables: TableEngine;
  readonly sha256Hex: Sha256Hex;
  readonly now: Clock;
  readonly heartbeat: (details?: unknown) => void;
}

export function createFeatureActivities(dependencies: FeatureDependencies) {
  const { stores, tables, now, heartbeat } = dependencies;
  const { features, artifacts } = stores;
  return {
    pinMaterialization: (wanted) => pinMaterialization({ stores, now }, wanted),
    drainPushedRows: ({ view }) => drainPushedRows(dependencies, view),
    async planMaterialization({ at, limit }) {
      if (at.version === null) return { chunks: [] };
      return { chunks: (await planChunks(dependencies, at, at.version)).slice(0, limit) };
    },
    async commitChunk({ chunk }) {
      return { seq: (await features.commitChunk(chunk)).seq };
    },
    async publishRows({ at, publication, fromRow, toRow }) {
      const { spec, entityKeys } = await viewRevisionOf(stores, at);
      const shape = { keys: entityKeys, features: spec.features.map(({ name }) => name) };
      const path = await artifacts.localPath(publication.table);
      for (let from = fromRow; from < toRow; from += ONLINE_BATCH) {
        const slice = { fromRow: from, toRow: Math.min(toRow, from + ONLINE_BATCH) };
        const rows = await tables.use((session) => readOnlineRows(session, { path, ...slice, ...shape }));
        await features.upsertOnline(at.view, rows, publication.generation);
        heartbeat({ publishedRows: slice.toRow });
      }
      return { rows: toRow - fromRow };
    },
    async finishMaterialization({ at, publication }) {
      const { view, viewRevision, through: throughCut, version } = at;
      const { commitSeq, sinceSeq } = version ?? { commitSeq: 0, sinceSeq: 0 };
      const before = await features.state(view);
      const state: MaterializationState = {
        view,
        viewRevision,
        throughCut,
        commitSeq,
        sinceSeq,
        seq: publication?.throughSeq ?? 0,
      };
      const generation = generationOf(state);
      if (before !== null && generationOf(before) < generation) await features.retireOnline(view, generation);
      await features.advance(state);
      return state;
    },
  } satisfies FeatureActivities;
}

function versionOf({ versionId, commitSeq, sinceSeq }: DatasetVersion): NonNullable<MaterializedVersion['version']> {
  return { versionId, commitSeq, sinceSeq };
}

/** Chunks that hold rows of the version and are not there yet, in order. */
export async function planChunks(
  { stores, tables, sha256Hex }: DrainDependencies,
  at: MaterializedVersion,
  { versionId, sinceSeq }: NonNullable<MaterializedVersion['version']>,
): Promise<PlannedChunk[]> {
  const version = await stores.datasets.version(at.dataset, versionId);
  if (version === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset: at.dataset, hint: ` ${versionId}` });
  const versions = await historyVersions(stores, version);
  const segments = (await Promise.all(versions.map((each) => stores.datasets.segments(each)))).flat();
  const chunks = (await chunksOf(stores, at)).filter(({ content }) => content !== 'pushed');
  const { spec } = await viewRevisionOf(stores, at);
  const id = (...key: unknown[]): string => naturalKeyId(sha256Hex, ['chunk', at.view, at.viewRevision, ...key]);
  if (!isWindowedView(spec)) {
    const distinct = versions.length === 1 ? null : await countDistinct({ stores, tables }, at, versions);
    const commits = segments
      .map(({ commitSeq, accepted, quarantined }) => ({
        commitSeq,
        rows: distinct === null ? accepted + quarantined : (distinct.get(commitSeq) ?? 0),
      }))
      .toSorted((left, right) => left.commitSeq - right.commitSeq);
    return planRows({ commits, chunks }).map((range) => ({ chunkId: id('rows', sinceSeq, range), ...range }));
  }
  const paths = await Promise.all(segments.map(({ table }) => stores.artifacts.localPath(table)));
  const keys = await countKeys(tables, paths, spec);
  return planCuts({ spec, segments, chunks, through: at.through ?? 0, keys }).map(({ fromCut, toCut }) => ({
    chunkId: id(versionId, fromCut, toCut),
    fromCut,
    toCut,
  }));
}

/** Rows by the commit that first had them, where versions replaced each other: most of their rows are the same. */
async function countDistinct(
  { stores, tables }: Pick<DrainDependencies, 'stores' | 'tables'>,
  { dataset }: MaterializedVersion,
  versions: readonly DatasetVersion[],
): Promise<ReadonlyMap<number, number>> {
  const { spec } = (await requireResource(stores, 'Dataset', dataset)).resource;
  const files = await localSegments(stores.artifacts, await referencesOf(stores, versions));
  const counted = await tables.use((session) =>
    session.rows(
      `select ${ROW.commitSeq} as commit, count(*) as rows from ${datasetRelation(spec, files)} group by all`,
    ),
  );
  return new Map(counted.map(({ commit, rows }) => [Number(commit), Number(rows)]));
}

/** Different entities of the dataset, counted exactly: the same data must always be cut into the same chunks. */
async function countKeys(
  tables: TableEngine,
  paths: readonly string[],
  { keys }: Pick<FeatureViewSpec, 'keys'>,
): Promise<number> {
  const columns = Object.values(keys).map(quoteIdentifier);
  if (columns.length === 0) return 1;
  const files = `[${paths.map(quoteText).join(', ')}]`;
  const [row] = await tables.use((session) =>
    session.rows(
      `select count(*) as keys from (select distinct ${columns.join(', ')} from read_parquet(${files}, union_by_name = true))`,
    ),
  );
  return Number(row?.['keys'] ?? 1);
}
