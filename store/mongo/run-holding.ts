/** Who writes a run, and the end of runs whose writer is gone. */
import type { Document } from 'mongodb';
import { DomainError } from '../../domain/errors.js';
import { isLost, lostCause, requireActive, requireWriter } from '../../domain/run-writer.js';
import { isOver, PARENT_TAG, RunWriter } from '../../domain/tracking.js';
import { micros, toIso } from '../../domain/time.js';
import type { HoldRequest, RunStore } from '../contracts/runs.js';
import { type Database, int64, type StoredDocument } from './database.js';
import { type ChangeRun, revival } from './run-changes.js';
import { fieldOf, readRunInfo, readWriter } from './run-documents.js';

export interface RunHolding extends Pick<RunStore, 'hold' | 'close'> {
  /** Ends every run whose writer is late. Its writer stays, in case he is only late. */
  endLost(): Promise<void>;
}

export function createRunHolding(
  database: Database,
  { change, now }: { readonly change: ChangeRun; readonly now: () => number },
): RunHolding {
  const runs = database.collection('runs');
  const openChildren = (runId: string) =>
    runs
      .find(
        { [`tags.${fieldOf(PARENT_TAG)}`]: runId, status: { $in: ['RUNNING', 'SCHEDULED'] } },
        { projection: { _id: 1 } },
      )
      .toArray();
  const holding: RunHolding = {
    async hold(runId, request) {
      const held = await change(runId, (document) => holdOf(document, request, now()));
      const { writer } = readRunInfo(held);
      return RunWriter.parse(writer);
    },
    async close(runId, { status, cause }) {
      await change(runId, (document) => {
        const run = readRunInfo(document);
        if (isOver(run.status) && !isLost(run)) return null;
        return { $set: { status, cause, endTs: int64(now()), writer: null } };
      });
      for (const { _id } of await openChildren(runId)) await holding.close(_id, { status, cause });
    },
    async endLost() {
      const late = { status: 'RUNNING', 'writer.untilTs': { $lt: int64(now()) } };
      const found = await runs
        .find(late, { projection: { writer: 1 } })
        .limit(1_000)
        .toArray();
      for (const { _id, writer } of found) {
        const { untilTs } = writer as Document;
        const end = { status: 'FAILED', cause: lostCause(readWriter(writer as Document)), endTs: untilTs as unknown };
        // Another sign of life, or another reader, may have come first.
        await runs.updateOne({ _id, ...late, 'writer.untilTs': untilTs }, { $set: end, $inc: { rev: 1 } });
      }
    },
  };
  return holding;
}

function holdOf(document: StoredDocument, request: HoldRequest, now: number): Document {
  const run = readRunInfo(document);
  const { owner, actor = null, forMicros, epoch, force = false } = request;
  requireActive(run);
  if (epoch !== undefined) requireWriter(run, epoch);
  const { writer } = run;
  // A late pipeline comes back to its run, or ends it: nobody else needs it.
  const isKept = writer !== null && (writer.untilTs >= now || (writer.actor === null && actor !== null));
  if (epoch === undefined && !force && isKept) {
    const until = toIso(micros(writer.untilTs));
    throw new DomainError('PRN_RUN_HELD', { runId: run.runId, owner: writer.owner, epoch: writer.epoch, until });
  }
  const next = epoch ?? Number(document['epoch']) + 1;
  const by = epoch === undefined ? actor : (writer?.actor ?? null);
  return {
    $set: {
      writer: { owner, actor: by, epoch: next, untilTs: int64(now + forMicros), forMicros: int64(forMicros) },
      epoch: next,
      ...((isOver(run.status) || run.status === 'SCHEDULED') && revival),
    },
  };
}
