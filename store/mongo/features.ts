/** Materialised chunks and the online rows. Online writes commute: the greatest (event, known, seq) wins in any order. */
import type { AnyBulkWriteOperation } from 'mongodb';
import { MaterializationChunk } from '../../domain/feature-view.js';
import type { FeatureStore, OnlineRow } from '../contracts/features.js';
import { type Database, int64, type StoredDocument, withoutId } from './database.js';

export function createFeatureStore(database: Database): FeatureStore {
  const heads = database.collection('materialization_heads');
  const chunks = database.collection('materializations');
  const online = (view: string) => database.collection(`online_${view}`);

  return {
    async state(view) {
      const head = await heads.findOne({ _id: view });
      if (head === null) return null;
      const { viewRevision, throughCut, commitSeq, seq } = head;
      return {
        view,
        viewRevision: Number(viewRevision),
        throughCut: Number(throughCut),
        commitSeq: Number(commitSeq),
        seq: Number(seq),
      };
    },
    commitChunk: (chunk) =>
      database.transact(async (session) => {
        const _id = `${chunk.view}/${chunk.chunkId}`;
        const standing = await chunks.findOne({ _id }, { session });
        if (standing !== null) return MaterializationChunk.parse(withoutId(standing));
        const { view, viewRevision, toCut, commitSeq } = chunk;
        const before = await heads.findOne({ _id: view }, { session });
        const sameRevision = before?.['viewRevision'] === viewRevision;
        const throughCut = sameRevision ? Math.max(toCut, Number(before?.['throughCut'])) : toCut;
        const seq = Number(before?.['seq'] ?? 0) + 1;
        await heads.updateOne(
          { _id: view },
          { $set: { viewRevision, throughCut, commitSeq, seq } },
          { upsert: true, session },
        );
        const committed: MaterializationChunk = { ...chunk, seq };
        await chunks.insertOne({ _id, ...committed }, { session });
        return committed;
      }),
    async chunks(view, viewRevision) {
      const found = await chunks.find({ view, viewRevision }).sort({ seq: 1 }).toArray();
      return found.map((document) => MaterializationChunk.parse(withoutId(document)));
    },
    async upsertOnline(view, rows) {
      if (rows.length > 0) await online(view).bulkWrite(rows.map(guardedUpsert), { ordered: false });
    },
    async readOnline(view, keys, features) {
      const [first] = keys;
      if (first === undefined) return new Map();
      // One key by equality takes the server's shortest way.
      const filter = keys.length === 1 ? { _id: first } : { _id: { $in: [...keys] } };
      const found = await online(view)
        .find(filter, { ...(features !== undefined && projectionOf(features)), batchSize: keys.length + 1 })
        .toArray();
      return new Map(found.map((document) => [document._id, readRow(document)]));
    },
  };
}

/** Replaces the row only by a later one, decided inside one atomic update. */
function guardedUpsert(row: OnlineRow): AnyBulkWriteOperation<StoredDocument> {
  const { key, values, deleted } = row;
  const [eventTs, knownTs, seq] = [int64(row.eventTs), int64(row.knownTs), int64(row.seq)];
  const next = { values: { $literal: values }, eventTs, knownTs, seq, deleted };
  const earlier = { $ifNull: ['$rank', []] };
  const rank = [next.eventTs, next.knownTs, next.seq];
  const replace = { $mergeObjects: ['$$ROOT', { ...next, rank }] };
  return {
    updateOne: {
      filter: { _id: key },
      update: [{ $replaceWith: { $cond: [{ $gt: [rank, earlier] }, replace, '$$ROOT'] } }],
      upsert: true,
    },
  };
}

function projectionOf(features: readonly string[]): { projection: Record<string, 1> } {
  const values = features.map((feature) => [`values.${feature}`, 1] as const);
  return { projection: { eventTs: 1, knownTs: 1, seq: 1, deleted: 1, ...Object.fromEntries(values) } };
}

function readRow(document: StoredDocument): OnlineRow {
  const { _id, values, eventTs, knownTs, seq, deleted } = document;
  return {
    key: _id,
    values: values ?? {},
    eventTs: Number(eventTs),
    knownTs: Number(knownTs),
    seq: Number(seq),
    deleted: deleted === true,
  };
}
