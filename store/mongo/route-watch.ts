/** Follows route changes: stream first, then a snapshot, then only higher revisions; a poll catches what a stream lost. */
import type { ChangeStream, Collection } from 'mongodb';
import type { StoredDocument } from './database.js';

const POLL_MS = 5_000;
const REOPEN_MS = 500;

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
  let stream: ChangeStream | null = null;
  let reopening: NodeJS.Timeout | null = null;

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
  const reopen = (): void => {
    if (closed || reopening !== null) return;
    listener.onHealth(false);
    reopening = setTimeout(() => {
      reopening = null;
      void open();
    }, REOPEN_MS);
  };
  const open = async (): Promise<void> => {
    await stream?.close().catch(() => undefined);
    stream = endpoints.watch([], { fullDocument: 'updateLookup' });
    stream.on('change', (change) => {
      if ('fullDocument' in change && change.fullDocument != null) take(change.fullDocument as StoredDocument);
    });
    stream.on('error', reopen);
    await snapshot();
  };

  await open();
  const poll = setInterval(() => void snapshot(), POLL_MS);
  return {
    async close() {
      closed = true;
      clearInterval(poll);
      if (reopening !== null) clearTimeout(reopening);
      await stream?.close().catch(() => undefined);
    },
  };
}
