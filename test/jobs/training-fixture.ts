/** A small real training dataset as Parquet, and the snapshot that describes it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { putJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext, JobProgress } from '../../activities/jobs/context.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { FeaturePlan } from '../../domain/features.js';
import { ModelSpec } from '../../domain/model.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { TrainingSnapshot } from '../../domain/training.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { openTableEngine } from '../../store/tables/engine.js';

export interface JobBench {
  readonly context: JobContext;
  /** Everything the jobs reported, in order. */
  readonly reported: JobProgress[];
  readonly cancel: (reason: Error) => void;
  readonly folder: string;
  close(): Promise<void>;
}

/** Real engines on a fresh folder. */
export async function openJobBench(): Promise<JobBench> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-jobs-'));
  const artifacts = openFileArtifacts(join(folder, 'artifacts'));
  const tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') });
  const controller = new AbortController();
  const reported: JobProgress[] = [];
  return {
    folder,
    reported,
    cancel: (reason) => controller.abort(reason),
    context: { tables, artifacts, progress: (progress) => reported.push(progress), signal: controller.signal },
    close: async () => {
      await tables.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface PartSize {
  readonly rows: number;
  readonly fromDay: number;
  readonly days: number;
}

/**
 * Rows whose late rate depends on hour, distance and airport: `0.15 + 0.3·(hour ≥ 16) + 0.2·(distance > 1000) +
 * 0.15·(carrier = "B")`, drawn by a hash of the row number. Every 50th origin rate is missing.
 */
export async function writePart({ context }: JobBench, { rows, fromDay, days }: PartSize): Promise<ArtifactRef> {
  const path = await context.artifacts.scratchPath('parquet');
  const start = fromDay * MICROS_PER_DAY;
  await context.tables.use((session) =>
    session.execute(`copy (
      with base as (
        select i, (${start} + (i * ${days * MICROS_PER_DAY}::double / ${rows})::bigint)::bigint as departed_ts,
          (hash(i * 3 + ${fromDay}) % 2500)::real as distance,
          case when hash(i * 7 + 1) % 3 = 0 then 'A' when hash(i * 7 + 1) % 3 = 1 then 'B' else 'C' end as carrier,
          case when i % 50 = 0 then null else ((hash(i * 11) % 1000) / 1000.0)::real end as origin_rate,
          (hash(i * 13 + 5) % 100000) / 100000.0 as chance
        from range(${rows}) t(i)),
      labelled as (
        select *, 0.15 + (case when (departed_ts // 3600000000) % 24 >= 16 then 0.3 else 0 end)
          + (case when distance > 1000 then 0.2 else 0 end) + (case when carrier = 'B' then 0.15 else 0 end) as rate
        from base)
      select departed_ts as event_ts, (chance < rate)::integer::double as label, distance, departed_ts, carrier,
        coalesce(origin_rate, 'nan'::real) as origin_traffic__late_rate
      from labelled order by i
    ) to '${path}' (format parquet)`),
  );
  return context.artifacts.adopt(path, MEDIA_TYPES.parquet);
}

export const PLAN: FeaturePlan = {
  inputs: [
    { name: 'distance', datatype: 'FP32', nullable: false, source: { kind: 'request', column: 'distance' } },
    { name: 'departed_ts', datatype: 'INT64', nullable: false, source: { kind: 'request', column: 'departed_ts' } },
    { name: 'carrier', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'carrier' } },
    {
      name: 'origin_traffic__late_rate',
      datatype: 'FP32',
      nullable: true,
      source: { kind: 'view', view: 'origin-traffic', feature: 'late_rate' },
    },
  ],
  features: [
    { name: 'distance', expression: 'distance' },
    { name: 'hour', expression: 'hour_of(departed_ts)' },
    { name: 'carrier', expression: 'carrier' },
    { name: 'origin_traffic__late_rate', expression: 'origin_traffic__late_rate' },
  ],
  encodings: [],
};

export function snapshotOf(
  changes: { trees?: number; gates?: unknown[]; champion?: number; trainer?: unknown; evaluation?: unknown } = {},
): TrainingSnapshot {
  const spec = ModelSpec.parse({
    task: 'binary',
    endpoint: 'flight-delay',
    spine: { dataset: 'flights', keys: ['origin'], eventTime: 'departed_ts' },
    label: { expression: 'delay > 15', availableAfter: '12h' },
    features: [
      { request: 'distance' },
      { name: 'hour', expression: 'hour_of(departed_ts)' },
      { request: 'carrier' },
      { view: 'origin-traffic' },
    ],
    split: { holdout: '14d' },
    trainer: changes.trainer ?? { kind: 'gbdt', parameters: { trees: changes.trees ?? 30, depth: 4 }, seed: 7 },
    gates: changes.gates ?? [],
    evaluation: changes.evaluation ?? {},
  });
  return TrainingSnapshot.parse({
    pipelineId: 'p1',
    model: 'flight-delay',
    modelRevision: 1,
    spec,
    spine: { dataset: 'flights', revision: 1, versionId: 'v1', commitSeq: 1 },
    views: [
      {
        view: 'origin-traffic',
        revision: 3,
        spec: {
          dataset: 'flights',
          entity: 'origin-airport',
          keys: { origin: 'origin' },
          features: [{ name: 'late_rate', aggregate: 'rate', expression: 'delay > 15', window: '7d' }],
          cuts: { every: '1d' },
          maxAge: '2d',
        },
        entity: { keys: [{ name: 'origin', type: 'string' }] },
        throughSeq: 1,
        sinceSeq: 1,
        datasetVersionId: 'v1',
      },
    ],
    asOf: 60 * MICROS_PER_DAY,
    split: {
      trainFrom: 0,
      trainTo: 40 * MICROS_PER_DAY,
      holdoutFrom: 41 * MICROS_PER_DAY,
      holdoutTo: 55 * MICROS_PER_DAY,
    },
    champion: changes.champion === undefined ? null : { version: changes.champion },
    aliasRevision: changes.champion === undefined ? 0 : 1,
    knowledge: 'declared',
  });
}

export interface StoredTraining {
  readonly snapshot: ArtifactRef;
  readonly dataset: ArtifactRef;
}

/** Stores snapshot and dataset: training rows over 40 days, a holdout over 14 days after a purge of one. */
export async function storeTraining(
  bench: JobBench,
  snapshot: TrainingSnapshot,
  size: { trainRows: number; holdoutRows: number } = { trainRows: 4_000, holdoutRows: 1_400 },
): Promise<StoredTraining> {
  const { trainRows, holdoutRows } = size;
  const train = await writePart(bench, { rows: trainRows, fromDay: 0, days: 40 });
  const holdout = await writePart(bench, { rows: holdoutRows, fromDay: 41, days: 14 });
  const digest = `${train.sha256}/${holdout.sha256}`;
  return {
    snapshot: await putJson(bench.context.artifacts, snapshot),
    dataset: await putJson(bench.context.artifacts, { train, holdout, trainRows, holdoutRows, digest }),
  };
}

/** A part of a training dataset with other columns: `projection` is SQL over its own. */
export async function rewritePart({ context }: JobBench, part: ArtifactRef, projection: string): Promise<ArtifactRef> {
  const path = await context.artifacts.scratchPath('parquet');
  const source = await context.artifacts.localPath(part);
  await context.tables.use((session) =>
    session.execute(
      `copy (select ${projection} from read_parquet('${source}') order by event_ts) to '${path}' (format parquet)`,
    ),
  );
  return context.artifacts.adopt(path, part.mediaType);
}
