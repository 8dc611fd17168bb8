/** Follows changes of resources and of model heads, so that what was worked out from them can be thrown away in time. */
import type { Timestamp } from 'mongodb';
import type { DefinitionListener } from '../contracts/resources.js';
import { followChanges } from './change-stream.js';
import type { Database } from './database.js';

const PIPELINE = [{ $match: { 'ns.coll': { $in: ['resources', 'models'] } } }];

export function watchDefinitions({ db }: Database, listener: DefinitionListener): Promise<{ close(): Promise<void> }> {
  const open = async () => {
    // A stream starts when the server hears of it, which is later: it is told to start at a time before now.
    const { operationTime } = await db.command({ ping: 1 });
    return db.watch(PIPELINE, { startAtOperationTime: operationTime as Timestamp });
  };
  return followChanges(open, {
    onOpened: () => Promise.resolve(listener.onLost()),
    onLost: () => listener.onLost(),
    onChange(change) {
      if (!('documentKey' in change)) return listener.onLost();
      const id = String(change.documentKey._id);
      const slash = id.indexOf('/');
      if (change.ns.coll === 'models') listener.onChange('Model', id);
      else listener.onChange(id.slice(0, slash), id.slice(slash + 1));
    },
  });
}
