/** Follows route changes: stream first, then a snapshot, then only higher revisions; a poll catches what a stream lost. */
import type { Collection } from 'mongodb';
import { followChanges } from './change-stream.js';
import type { StoredDocument } from './database.js';

const POLL_MS = 5_000;

export interface RouteListener {
  onState(document: StoredDocument): void;
  onHealth(healthy: boolean): void;
}

export async function watchRoutes(
  endpoints: Collection<StoredDocument>,
  listener: RouteListener,
): Promise<{ close(): Promise<void> }> {
  const seen = new Map<string, number>();
  let closed = false;

  const take = (document: StoredDocument): void => {
    const rev = Number(document['routes']?.rev ?? 0);
    const known = seen.get(document._id);
    if (known !== undefined && rev <= known) return;
    seen.set(document._id, rev);
    listener.onState(document);
  };
  const snapshot = async (): Promise<void> => {
    try {
      for (const document of await endpoints.find({}).toArray()) take(document);
      if (!closed) listener.onHealth(true);
    } catch {
      if (!closed) listener.onHealth(false);
    }
  };

  const stream = await followChanges(() => endpoints.watch([], { fullDocument: 'updateLookup' }), {
    onOpened: snapshot,
    onLost: () => listener.onHealth(false),
    onChange(change) {
      if ('fullDocument' in change && change.fullDocument != null) take(change.fullDocument as StoredDocument);
    },
  });
  const poll = setInterval(() => void snapshot(), POLL_MS);
  return {
    async close() {
      closed = true;
      clearInterval(poll);
      await stream.close();
    },
  };
}
