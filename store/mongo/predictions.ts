/** The prediction log in columnar buckets: one document holds hundreds of rows as binary columns, labels lie beside. */
import { Binary } from 'mongodb';
import { LoggedTexts, type PredictionBucket } from '../../domain/prediction.js';
import { ServedVector } from '../../domain/served-vector.js';
import { Task } from '../../domain/task.js';
import { type Micros, micros } from '../../domain/time.js';
import type { PredictionStore } from '../contracts/predictions.js';
import { type Database, int64, isDuplicateKey, type StoredDocument } from './database.js';

const KEEP_MS = 90 * 86_400_000;

export function createPredictionStore(database: Database): PredictionStore {
  const buckets = database.collection('prediction_buckets');
  const labels = database.collection('ground_truth');

  return {
    async insertBuckets(rows) {
      try {
        await buckets.insertMany(rows.map(encodeBucket), { ordered: false });
      } catch (error) {
        // A flush whose reply was lost comes again with the same ids.
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async buckets({ endpoint, from, to }) {
      const filter = { endpoint, minEventTs: { $lt: int64(to) }, maxEventTs: { $gte: int64(from) } };
      return (await buckets.find(filter).sort({ minEventTs: 1, _id: 1 }).toArray()).map(decodeBucket);
    },
    async servedVectors({ endpoint, from, to }) {
      const overlap = { minEventTs: { $lt: int64(to) }, maxEventTs: { $gte: int64(from) } };
      const found = await buckets
        .find({ endpoint, ...overlap, served: { $exists: true } }, { projection: { served: 1 } })
        .sort({ minEventTs: 1, _id: 1 })
        .toArray();
      const vectors = found.flatMap(({ served }) => ServedVector.array().parse(served));
      return vectors.filter(({ eventTs }) => eventTs >= from && eventTs < to);
    },
    async count(endpoint) {
      const [total] = await buckets
        .aggregate([{ $match: { endpoint } }, { $group: { _id: null, rows: { $sum: '$rows' } } }])
        .toArray();
      return Number(total?.['rows'] ?? 0);
    },
    async saveGroundTruth(endpoint, rows, receivedTs) {
      if (rows.length === 0) return 0;
      const expireAt = new Date(receivedTs / 1_000 + KEEP_MS);
      const operations = rows.map(({ predictionId, outcome, knownTs }) => {
        const next = {
          endpoint,
          // Texts could be taken for expressions in the pipeline below.
          label: { $literal: outcome },
          knownTs: int64(knownTs),
          receivedTs: int64(receivedTs),
          expireAt,
        };
        const later = { $gte: [next.knownTs, { $ifNull: ['$knownTs', next.knownTs] }] };
        const update = [{ $replaceWith: { $cond: [later, { $mergeObjects: ['$$ROOT', next] }, '$$ROOT'] } }];
        return { updateOne: { filter: { _id: predictionId }, update, upsert: true } };
      });
      const { upsertedCount, modifiedCount } = await labels.bulkWrite(operations, { ordered: false });
      return upsertedCount + modifiedCount;
    },
    async groundTruth(predictionIds, asOf) {
      const found = await labels.find({ _id: { $in: [...predictionIds] }, knownTs: { $lte: int64(asOf) } }).toArray();
      return new Map(found.map(({ _id, label }) => [_id, typeof label === 'string' ? label : Number(label)] as const));
    },
    groundTruthCount: (endpoint) => labels.countDocuments({ endpoint }),
  };
}

function encodeBucket(bucket: PredictionBucket): StoredDocument {
  const { bucketId, endpoint, model, instanceId, routeRev, loggedTs } = bucket;
  return {
    _id: bucketId,
    endpoint,
    model,
    instanceId,
    routeRev,
    rows: bucket.predictionIds.length,
    minEventTs: int64(bucket.minEventTs),
    maxEventTs: int64(bucket.maxEventTs),
    loggedTs: int64(loggedTs),
    expireAt: new Date(loggedTs / 1_000 + KEEP_MS),
    predictionIds: [...bucket.predictionIds],
    eventTs: binary(bucket.eventTs),
    version: binary(bucket.version),
    task: bucket.task,
    classes: [...bucket.classes],
    scores: binary(bucket.scores),
    decision: binary(bucket.decision),
    latencyMs: binary(bucket.latencyMs),
    error: binary(bucket.error),
    shadow: Object.fromEntries(Object.entries(bucket.shadow).map(([version, column]) => [version, binary(column)])),
    inputs: Object.fromEntries(Object.entries(bucket.inputs).map(([name, column]) => [name, binary(column)])),
    ...(bucket.texts !== undefined && { texts: bucket.texts }),
    ...(bucket.served !== undefined && { served: bucket.served }),
  };
}

function decodeBucket(document: StoredDocument): PredictionBucket {
  const floats = (columns: unknown): Record<string, Float32Array> =>
    Object.fromEntries(
      Object.entries(columns as Record<string, Binary>).map(([name, column]) => [
        name,
        new Float32Array(bytesOf(column)),
      ]),
    );
  const time = (value: unknown): Micros => micros(Number(value));
  return {
    bucketId: document._id,
    endpoint: String(document['endpoint']),
    model: String(document['model']),
    instanceId: String(document['instanceId']),
    routeRev: Number(document['routeRev']),
    minEventTs: time(document['minEventTs']),
    maxEventTs: time(document['maxEventTs']),
    loggedTs: time(document['loggedTs']),
    predictionIds: document['predictionIds'],
    eventTs: new Float64Array(bytesOf(document['eventTs'])),
    version: new Int32Array(bytesOf(document['version'])),
    task: Task.parse(document['task']),
    classes: document['classes'],
    scores: new Float32Array(bytesOf(document['scores'])),
    decision: new Uint16Array(bytesOf(document['decision'])),
    latencyMs: new Float32Array(bytesOf(document['latencyMs'])),
    error: new Uint8Array(bytesOf(document['error'])),
    shadow: floats(document['shadow']),
    inputs: floats(document['inputs']),
    ...(document['texts'] !== undefined && { texts: LoggedTexts.parse(document['texts']) }),
    ...(document['served'] !== undefined && { served: ServedVector.array().parse(document['served']) }),
  };
}

/** Little-endian, as every machine we run on. */
function binary(column: Float32Array | Float64Array | Int32Array | Uint16Array | Uint8Array): Binary {
  return new Binary(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
}

/** A copy of its own: the driver's buffers are not aligned for typed arrays. */
function bytesOf(value: Binary): ArrayBuffer {
  return Uint8Array.from(value.buffer.subarray(0, value.position)).buffer;
}
