/** Who writes a run, and the end of runs whose writer is gone. */
import type { Document } from 'mongodb';
import { DomainError } from '../../domain/errors.js';
import { isLost, LOST_PREFIX, requireActive, requireWriter } from '../../domain/run-writer.js';
import { isOver, PARENT_TAG } from '../../domain/tracking.js';
import { micros, MICROS_PER_SECOND, toIso } from '../../domain/time.js';
import type { HoldRequest, RunStore } from '../contracts/runs.js';
import { type Database, int64, type StoredDocument } from './database.js';
import { type ChangeRun, revival } from './run-changes.js';
import { fieldOf, readMetrics, readRunInfo, readWriter } from './run-documents.js';

export interface RunHolding extends Pick<RunStore, 'hold' | 'close'> {
  /** Ends every run whose writer is late, at most once a second. Its writer stays, in case he is only late. */
  endLost(): Promise<void>;
}

/** Readers in between see runs as the last look left them. */
const SWEEP_EVERY_MICROS = MICROS_PER_SECOND;

/** The end of a run whose writer is late, of its own fields. */
const LOST: Document = {
  status: 'FAILED',
  cause: {
    $concat: [
      `${LOST_PREFIX}its writer `,
      '$writer.owner',
      ' gave no sign of life until ',
      { $dateToString: { date: { $toDate: { $toLong: { $floor: { $divide: ['$writer.untilTs', 1_000] } } } } } },
    ],
  },
  endTs: '$writer.untilTs',
  rev: { $add: ['$rev', 1] },
};

export function createRunHolding(
  database: Database,
  { change, now }: { readonly change: ChangeRun; readonly now: () => number },
): RunHolding {
  const runs = database.collection('runs');
  let sweptTs = Number.NEGATIVE_INFINITY;
  let swept: Promise<void> = Promise.resolve();
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
      return { ...readWriter(held['writer'] as Document), metrics: readMetrics(held) };
    },
    async close(runId, { status, cause }) {
      await change(runId, (document) => {
        const run = readRunInfo(document);
        if (isOver(run.status) && !isLost(run)) return null;
        return { $set: { status, cause, endTs: int64(now()), writer: null } };
      });
      for (const { _id } of await openChildren(runId)) await holding.close(_id, { status, cause });
    },
    endLost() {
      const at = now();
      if (at >= sweptTs && at < sweptTs + SWEEP_EVERY_MICROS) return swept;
      sweptTs = at;
      const late = { status: 'RUNNING', 'writer.untilTs': { $lt: int64(at) } };
      swept = runs.updateMany(late, [{ $set: LOST }]).then(
        () => undefined,
        (error: unknown) => {
          sweptTs = Number.NEGATIVE_INFINITY;
          throw error;
        },
      );
      return swept;
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
