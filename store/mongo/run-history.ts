/** The history of metrics: for each run and key, buckets that only grow, each point with its number in the run. */
import type { ClientSession, Document } from 'mongodb';
import { type Metric, type MetricPoint, pointIdentity } from '../../domain/tracking.js';
import type { HistoryPage } from '../contracts/runs.js';
import { type Database, int64 } from './database.js';

const BUCKET_POINTS = 500;

/** A point, and how many of its key came before. */
export interface PlacedPoint extends MetricPoint {
  readonly position: number;
}

export interface RunHistory {
  /** Those points that are not there yet, each once. */
  unknown(session: ClientSession, runId: string, points: readonly Metric[]): Promise<Metric[]>;
  append(session: ClientSession, runId: string, points: readonly PlacedPoint[]): Promise<void>;
  /** In the order of arrival; of one key where it is given. */
  read(runId: string, page: HistoryPage & { readonly key?: string }): Promise<MetricPoint[]>;
}

export function createRunHistory(database: Database): RunHistory {
  const buckets = database.collection('run_metrics');
  return {
    async unknown(session, runId, points) {
      const distinct = new Map(points.map((point) => [pointIdentity(point), point]));
      const span = spanOf(points);
      // Only buckets whose steps and times overlap with those that come can hold one of them.
      const overlap = {
        maxTimestampMs: { $gte: span.minTimestampMs },
        minTimestampMs: { $lte: span.maxTimestampMs },
        maxStep: { $gte: span.minStep },
        minStep: { $lte: span.maxStep },
      };
      const key = { $in: [...new Set(points.map((point) => point.key))] };
      for await (const bucket of buckets.find({ runId, key, ...overlap }, { session }))
        for (const point of readBucket(bucket)) distinct.delete(pointIdentity(point));
      return [...distinct.values()];
    },

    async append(session, runId, points) {
      const updates = [...inBuckets(points)].map(([bucketKey, added]) => ({
        updateOne: { filter: { _id: `${runId}/${bucketKey}` }, update: growth(runId, added), upsert: true },
      }));
      if (updates.length > 0) await buckets.bulkWrite(updates, { session, ordered: false });
    },

    async read(runId, { after, limit, key }) {
      // Numbers have no gaps, so that all points of the next ones lie in these buckets.
      const next = key === undefined ? { firstSeq: { $lte: after + limit } } : { key };
      const wanted = { $filter: { input: '$points', as: 'point', cond: { $gt: ['$$point.seq', after] } } };
      const found = await buckets
        .find({ runId, lastSeq: { $gt: after }, ...next }, { projection: { key: 1, points: wanted } })
        .sort({ firstSeq: 1 })
        .limit(key === undefined ? 0 : Math.ceil(limit / BUCKET_POINTS) + 1)
        .toArray();
      const points = found.flatMap(readBucket);
      return points.sort((left, right) => left.seq - right.seq).slice(0, limit);
    },
  };
}

function inBuckets(points: readonly PlacedPoint[]): Map<string, PlacedPoint[]> {
  const grouped = new Map<string, PlacedPoint[]>();
  for (const point of points) {
    const name = `${Math.floor(point.position / BUCKET_POINTS)}/${point.key}`;
    const group = grouped.get(name);
    if (group === undefined) grouped.set(name, [point]);
    else group.push(point);
  }
  return grouped;
}

function growth(runId: string, points: readonly PlacedPoint[]): Document {
  const [first] = points;
  const { minStep, maxStep, minTimestampMs, maxTimestampMs } = spanOf(points);
  const seqs = points.map(({ seq }) => seq);
  const each = points.map(({ seq, step, timestampMs, value }) => ({
    seq,
    step: int64(step),
    timestampMs: int64(timestampMs),
    value,
  }));
  return {
    $setOnInsert: { runId, key: first?.key },
    $min: { firstSeq: Math.min(...seqs), minStep, minTimestampMs },
    $max: { lastSeq: Math.max(...seqs), maxStep, maxTimestampMs },
    $push: { points: { $each: each } },
  };
}

function spanOf(points: readonly Metric[]) {
  const steps = points.map(({ step }) => step);
  const times = points.map(({ timestampMs }) => timestampMs);
  return {
    minStep: Math.min(...steps),
    maxStep: Math.max(...steps),
    minTimestampMs: Math.min(...times),
    maxTimestampMs: Math.max(...times),
  };
}

function readBucket({ key, points }: Document): MetricPoint[] {
  return (points as Document[]).map(({ seq, step, timestampMs, value }) => ({
    key: String(key),
    seq: Number(seq),
    step: Number(step),
    timestampMs: Number(timestampMs),
    value: Number(value),
  }));
}
