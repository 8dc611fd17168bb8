/** Materialised chunks, how far each view has come, and pushed rows. Online rows are in `online-rows.ts`. */
import { laterState, MaterializationChunk, MaterializationState } from '../../domain/materialization.js';
import { PushedRow } from '../../domain/row-push.js';
import type { FeatureStore, RowPush } from '../contracts/features.js';
import { type Database, int64, type StoredDocument, withoutId } from './database.js';
import { createOnlineRows } from './online-rows.js';

export function createFeatureStore(database: Database): FeatureStore {
  // Counters and states apart from definitions: applying a view anew must not lose how far it is.
  const heads = database.collection('materialization_heads');
  const states = database.collection('materialization_states');
  const chunks = database.collection('materializations');
  const pushes = database.collection('pushed_feature_rows');

  return {
    ...createOnlineRows(database),
    async state(view) {
      const state = await states.findOne({ _id: view });
      return state === null ? null : MaterializationState.parse(withoutId(state));
    },
    advance: (next) =>
      database.transact(async (session) => {
        const standing = await states.findOne({ _id: next.view }, { session });
        const state = laterState(standing === null ? null : MaterializationState.parse(withoutId(standing)), next);
        await states.replaceOne({ _id: next.view }, state, { upsert: true, session });
      }),
    commitChunk: (chunk) =>
      database.transact(async (session) => {
        const _id = `${chunk.view}/${chunk.chunkId}`;
        const standing = await chunks.findOne({ _id }, { session });
        if (standing !== null) return MaterializationChunk.parse(withoutId(standing));
        // Counted first: of two commits at once the later number is also seen later.
        const head = await heads.findOneAndUpdate(
          { _id: chunk.view },
          { $inc: { seq: 1 } },
          { upsert: true, returnDocument: 'after', session },
        );
        const committed = MaterializationChunk.parse({ ...chunk, seq: Number(head?.['seq']) });
        await chunks.insertOne({ _id, ...committed }, { session });
        return committed;
      }),
    async chunks(view, viewRevision) {
      const found = await chunks.find({ view, viewRevision }).sort({ seq: 1 }).toArray();
      return found.map((document) => MaterializationChunk.parse(withoutId(document)));
    },

    savePush: (push, keep) =>
      database.transact(async (session) => {
        const _id = `${push.view}/${push.pushId}`;
        const standing = keep ? await pushes.findOne({ _id }, { session }) : null;
        if (standing !== null) return readPush(standing);
        const head = await heads.findOneAndUpdate(
          { _id: push.view },
          { $inc: { pushes: 1 } },
          { upsert: true, returnDocument: 'after', session },
        );
        const numbered: RowPush = { ...push, number: Number(head?.['pushes']) };
        if (keep) await pushes.insertOne({ _id, ...numbered, receivedTs: int64(push.receivedTs) }, { session });
        return numbered;
      }),
    async pushes(view, { after, limit }) {
      const found = await pushes
        .find({ view, number: { $gt: after } })
        .sort({ number: 1 })
        .limit(limit)
        .toArray();
      return found.map(readPush);
    },
    async newestPushed(view, { keys, after, viewRevision, happenedBy, receivedBy }) {
      const isAsked = { 'rows.keys': { $in: keys } };
      const found = await pushes
        .aggregate([
          { $match: { view, number: { $gt: after }, receivedTs: { $lte: int64(receivedBy) }, ...isAsked } },
          // Pushes of earlier releases have no revision.
          { $match: { viewRevision: { $not: { $gt: viewRevision } } } },
          { $unwind: { path: '$rows', includeArrayIndex: 'index' } },
          { $match: { ...isAsked, 'rows.eventTs': { $lte: happenedBy } } },
          { $group: { _id: '$rows.keys', newest: { $max: RANKED_ROW } } },
        ])
        .toArray();
      return found.map(({ newest }) => ({
        push: Number(newest.push),
        index: Number(newest.index),
        receivedTs: Number(newest.receivedTs),
        row: PushedRow.parse(newest.row),
      }));
    },
  };
}

/** Documents compare field by field in this order; push and index are never the same twice. */
const RANKED_ROW = {
  eventTs: '$rows.eventTs',
  receivedTs: '$receivedTs',
  push: '$number',
  index: '$index',
  row: '$rows',
};

function readPush(document: StoredDocument): RowPush {
  const { view, pushId, number, viewRevision = 0, receivedTs, online, digest, rows } = document;
  return { view, pushId, number, viewRevision, receivedTs: Number(receivedTs), online, digest, rows };
}
