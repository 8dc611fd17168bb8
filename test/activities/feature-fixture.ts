/** Datasets and feature views on real stores, and materialisation as the workflow does it, step by step. */
import { createFeatureActivities, createFeatureComputeActivities } from '../../activities/features.js';
import { pinView } from '../../activities/pinned-views.js';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import type { DatasetSpec, DatasetVersion, Segment } from '../../domain/dataset.js';
import { chunksAsOf } from '../../domain/materialization.js';
import { COLUMN_SQL_TYPES } from '../../ml/features/column-sql.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { SqlValue } from '../../store/contracts/tables.js';
import type { MaterializedVersion, Publication } from '../../workflows/contracts/features.js';
import { type ComputeBench, NOW, openComputeBench } from './compute-fixture.js';

export interface FeatureBench extends ComputeBench {
  readonly io: ReturnType<typeof createFeatureActivities>;
  readonly compute: ReturnType<typeof createFeatureComputeActivities>;
  declare(kind: 'Dataset' | 'Entity' | 'FeatureView', name: string, spec: object): Promise<void>;
  /** Commits rows (`select` of all declared columns in order) as a segment that became known at `knownTs`. */
  commit(dataset: string, select: string, options: { knownTs: number; replaces?: boolean }): Promise<DatasetVersion>;
  /** All steps; `through` is the last cut. */
  materialize(view: string, through?: number): Promise<{ chunks: number; rows: number; onlineRows: number }>;
  /** Computes and keeps chunks, and stops before anything comes online. */
  computeOnly(view: string, through?: number): Promise<{ at: MaterializedVersion; chunks: number; rows: number }>;
  publish(at: MaterializedVersion): Promise<Publication | null>;
  /** Rows that a reader who pins the view now can see, sorted by their rank. */
  history(view: string): Promise<Record<string, SqlValue>[]>;
  /** The online documents as they are stored, by key. */
  online(view: string): Promise<ReadonlyMap<string, { values: unknown; eventTs: number; deleted: boolean }>>;
}

export async function openFeatureBench(now: () => number = () => NOW): Promise<FeatureBench> {
  const bench = await openComputeBench();
  const { stores, runJob, jobs } = bench;
  const { tables, artifacts } = jobs.context;
  const drains = { stores, tables, sha256Hex };
  const io = createFeatureActivities({ ...drains, now, heartbeat: () => undefined });
  const compute = createFeatureComputeActivities({ stores, runJob });
  let commits = 0;

  async function computeOnly(view: string, through?: number) {
    const at = await io.pinMaterialization({ view, through: through ?? null });
    const drained = await io.drainPushedRows({ view });
    let { chunks: count, rows } = drained;
    const { chunks } = await io.planMaterialization({ at, limit: 1_000 });
    for (const chunk of chunks) {
      const computed = await compute.materializeChunk({ at, chunk });
      await io.commitChunk({ chunk: computed });
      count += 1;
      rows += computed.rows;
    }
    return { at, chunks: count, rows };
  }

  async function publish(at: MaterializedVersion): Promise<Publication | null> {
    const publication = await compute.gatherPublication({ at });
    if (publication !== null) await io.publishRows({ at, publication, fromRow: 0, toRow: publication.rows });
    await io.finishMaterialization({ at, publication });
    return publication;
  }

  return {
    ...bench,
    io,
    compute,
    computeOnly,
    publish,
    declare: (kind, name, spec) => bench.apply({ apiVersion: 'perennial/v1', kind, metadata: { name }, spec }),
    async commit(dataset, select, { knownTs, replaces = false }) {
      const stored = await stores.resources.get('Dataset', dataset);
      if (stored?.resource.kind !== 'Dataset') throw new Error(`no dataset ${dataset}`);
      const path = await artifacts.scratchPath('parquet');
      const { spec } = stored.resource;
      await tables.use((session) => session.execute(`copy (${segmentRows(spec, select)}) to ${quoteText(path)}`));
      const time = quoteIdentifier(spec.eventTime);
      const [facts] = await tables.use((session) =>
        session.rows(
          `select count(*) as rows, min(${time}) as first, max(${time}) as last from read_parquet(${quoteText(path)})`,
        ),
      );
      const table = await artifacts.adopt(path, MEDIA_TYPES.parquet);
      const segmentId = `segment-${(commits += 1)}`;
      const segment: Segment = {
        segmentId,
        dataset,
        sourceUri: segmentId,
        sourceSha256: sha256Hex(segmentId),
        files: [],
        inputs: [],
        highWater: null,
        accepted: Number(facts?.['rows']),
        quarantined: 0,
        minEventTs: Number(facts?.['first']),
        maxEventTs: Number(facts?.['last']),
        minKnownTs: 0,
        maxKnownTs: 0,
        knowledge: 'observed',
        table,
        quarantineTable: null,
        brokenRules: [],
        report: table,
        profile: table,
      };
      const about = { revision: stored.revision, actor: 'test', now: knownTs, ingestionId: segmentId, replaces };
      return (await stores.datasets.commitSegment({ segment, ...about })).version;
    },
    async materialize(view, through) {
      const { at, chunks, rows } = await computeOnly(view, through);
      return { chunks, rows, onlineRows: (await publish(at))?.rows ?? 0 };
    },
    async history(view) {
      const pinned = await pinView(drains, view);
      const chunks = chunksAsOf(await stores.features.chunks(view, pinned.revision), pinned);
      const files = await Promise.all(
        chunks.filter(({ rows }) => rows > 0).map(async ({ table }) => quoteText(await artifacts.localPath(table))),
      );
      if (files.length === 0) return [];
      return tables.use((session) =>
        session.rows(
          `select * from read_parquet([${files.join(', ')}], union_by_name = true) order by event_ts, known_ts, seq, columns(*)`,
        ),
      );
    },
    async online(view) {
      const rows = await stores.features.readOnline(view, await bench.onlineKeys(view));
      return new Map([...rows].map(([key, { values, eventTs, deleted }]) => [key, { values, eventTs, deleted }]));
    },
  };
}

function segmentRows(spec: DatasetSpec, select: string): string {
  const columns = spec.columns.map(
    ({ name, type }) => `${quoteIdentifier(name)}::${COLUMN_SQL_TYPES[type]} as ${quoteIdentifier(name)}`,
  );
  return `select ${columns.join(', ')}, null::bigint as __known_ts, row_number() over () - 1 as __seq from (${select})`;
}
