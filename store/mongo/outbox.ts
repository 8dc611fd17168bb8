/** The transactional outbox: one event per change of a model, numbered by the model's head document. */
import type { ClientSession } from 'mongodb';
import type { Database } from './database.js';

export interface ModelEvent {
  readonly model: string;
  /** Made of the natural key of the change, so that a repeated change cannot make a second event. */
  readonly eventId: string;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type AppendEvent = (session: ClientSession, event: ModelEvent) => Promise<void>;

export function createAppendEvent(database: Database, now: () => number): AppendEvent {
  const models = database.collection('models');
  const outbox = database.collection('outbox');
  return async (session, { model, eventId, type, payload }) => {
    const head = await models.findOneAndUpdate(
      { _id: model },
      { $inc: { outboxSeq: 1 } },
      { upsert: true, returnDocument: 'after', session },
    );
    await outbox.insertOne(
      { _id: eventId, model, seq: Number(head?.['outboxSeq'] ?? 1), type, payload, at: now() },
      { session },
    );
  };
}
