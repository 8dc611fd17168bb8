/** The transactional outbox: one event per change of a model or dataset, numbered by its head document. */
import type { ClientSession } from 'mongodb';
import type { Database } from './database.js';

interface EventFacts {
  /** Made of the natural key of the change, so that a repeated change cannot make a second event. */
  readonly eventId: string;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Of a model or of a dataset: the one that changed numbers its events. */
export type ChangeEvent = EventFacts & ({ readonly model: string } | { readonly dataset: string });

export type AppendEvent = (session: ClientSession, event: ChangeEvent) => Promise<void>;

export function createAppendEvent(database: Database, now: () => number): AppendEvent {
  const outbox = database.collection('outbox');
  return async (session, { eventId, ...event }) => {
    const [heads, name] = 'model' in event ? ['models', event.model] : ['dataset_heads', event.dataset];
    const head = await database
      .collection(heads)
      .findOneAndUpdate({ _id: name }, { $inc: { outboxSeq: 1 } }, { upsert: true, returnDocument: 'after', session });
    const seq = Number(head?.['outboxSeq'] ?? 1);
    await outbox.insertOne({ _id: eventId, ...event, seq, at: now() }, { session });
  };
}
