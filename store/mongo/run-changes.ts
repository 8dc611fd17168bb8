/** How the document of a run is changed: read, decided about and written in one transaction. */
import type { ClientSession, Document } from 'mongodb';
import { DomainError } from '../../domain/errors.js';
import { type Database, int64, type StoredDocument } from './database.js';

/** What to write, an update of MongoDB; null leaves the run as it is. */
export type Decide = (document: StoredDocument, session: ClientSession) => Document | null | Promise<Document | null>;

/** Gives the run as it stands afterwards. Throws `PRN_RUN_NOT_FOUND`, and whatever the decision throws. */
export type ChangeRun = (runId: string, decide: Decide) => Promise<StoredDocument>;

export function createRunChanges(database: Database): ChangeRun {
  const runs = database.collection('runs');
  return (runId, decide) =>
    database.transact(async (session) => {
      const document = await runs.findOne({ _id: runId }, { session });
      if (document === null) throw new DomainError('PRN_RUN_NOT_FOUND', { runId });
      const update = await decide(document, session);
      if (update === null) return document;
      const { $inc, $set = {}, ...others } = update as { $inc?: Document; $set?: Document };
      const written = { ...others, $inc: { rev: 1, ...$inc }, ...(Object.keys($set).length > 0 && { $set }) };
      // Two changes of one run meet here, and the later is decided about again.
      const after = await runs.findOneAndUpdate({ _id: runId }, written, { session, returnDocument: 'after' });
      return after ?? document;
    });
}

/** The holder has more time after each of his writes. */
export function signOfLife({ writer }: StoredDocument, now: number): Document {
  const { forMicros } = (writer ?? {}) as { forMicros?: unknown };
  return forMicros === undefined ? {} : { 'writer.untilTs': int64(now + Number(forMicros)) };
}

/** Of a run that was taken for lost and is not. */
export const revival: Document = { status: 'RUNNING', cause: null, endTs: null };
