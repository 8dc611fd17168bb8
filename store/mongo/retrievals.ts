/** Historical retrievals, one document each. */
import { Retrieval } from '../../domain/historical-retrieval.js';
import type { RetrievalStore } from '../contracts/retrievals.js';
import { type Database, withoutId } from './database.js';

export function createRetrievalStore(database: Database): RetrievalStore {
  const retrievals = database.collection('retrievals');
  return {
    async open(retrieval) {
      const filter = { _id: retrieval.retrievalId };
      await retrievals.updateOne(filter, { $setOnInsert: { ...retrieval } }, { upsert: true });
      const stored = await retrievals.findOne(filter);
      return stored === null ? retrieval : Retrieval.parse(withoutId(stored));
    },
    async update(retrievalId, changes) {
      await retrievals.updateOne({ _id: retrievalId }, { $set: { ...changes } });
    },
    async get(retrievalId) {
      const found = await retrievals.findOne({ _id: retrievalId });
      return found === null ? null : Retrieval.parse(withoutId(found));
    },
    async list(limit) {
      const found = await retrievals.find().sort({ startedTs: -1, _id: 1 }).limit(limit).toArray();
      return found.map((document) => Retrieval.parse(withoutId(document)));
    },
  };
}
