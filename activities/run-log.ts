/** How an attempt logs to its run: values are gathered and written by the second, and the run is held while it lasts. */
import { isDomainError } from '../domain/errors.js';
import { BATCH_LIMITS, type Metric } from '../domain/tracking.js';
import type { NewRun, RunBatch, RunStore } from '../store/contracts/runs.js';
import type { Clock } from './ports.js';

/** Often enough to watch, and a whole batch of values for each write of a fast trainer. */
const WRITE_EVERY_MS = 1_000;

export interface RunLogOptions {
  readonly runs: RunStore;
  readonly now: Clock;
  /** A run without a sign of life for so long is shown as lost, microseconds. */
  readonly lostAfterMicros: number;
}

export interface RunLog {
  /**
   * Aborted once another attempt took the run over: this one works for nothing. Whoever deletes or ends the run does not
   * abort it; then nothing more is written.
   */
  readonly takenOver: AbortSignal;
  /** Takes values of a step in; steps that an earlier attempt wrote are left out, as they would be the same. */
  logMetrics(metrics: Readonly<Record<string, number>>, step: number): void;
  /** Writes soon what was taken in: before a checkpoint behind which nobody measures it again. */
  writeSoon(): void;
  /** Writes parameters, tags and datasets at once. */
  write(batch: Omit<RunBatch, 'metrics'>): Promise<void>;
  /** Writes what was taken in, and leaves the run to the next attempt or step: for so long it is not lost. */
  leave(forMicros: number): Promise<void>;
  /** Writes what was taken in and ends the run as finished. */
  close(): Promise<void>;
}

/** Opens the run or goes on with it, from now on as its only writer. Every attempt has to `leave` or `close` it. */
export async function openRunLog(
  { runs, now, lostAfterMicros }: RunLogOptions,
  { owner, ...run }: NewRun & { readonly owner: string },
): Promise<RunLog> {
  const { runId } = await runs.create(run);
  // Of several attempts the last to come is the one that Temporal waits for.
  const { epoch, metrics } = await runs.hold(runId, { owner, forMicros: lostAfterMicros, force: true });
  // From now on nobody else adds to them.
  const written = new Map(metrics.map(({ key, step }) => [key, step]));
  const takenOver = new AbortController();
  let pending: Metric[] = [];
  let writing: Promise<void> = Promise.resolve();
  let isLeftAlone = false;

  /** What finds no room in the run is left out: the training is worth more than its log. */
  const send = async (batch: RunBatch): Promise<void> => {
    await runs.log(runId, batch, epoch).catch((error: unknown) => {
      if (!isDomainError(error) || error.code !== 'PRN_RUN_FULL') throw error;
    });
  };
  const writePending = async (): Promise<void> => {
    while (pending.length > 0) {
      const batch = pending.slice(0, BATCH_LIMITS.metrics);
      await send({ metrics: batch });
      pending = pending.slice(batch.length);
    }
  };
  let renewAt = now() + lostAfterMicros / 3;
  const beat = async (): Promise<void> => {
    renewAt = now() + lostAfterMicros / 3;
    if (pending.length > 0) await writePending();
    else await runs.hold(runId, { owner, forMicros: lostAfterMicros, epoch });
  };
  const leaveAlone = async (error: unknown): Promise<void> => {
    if (!(await isGone(runs, runId, error))) throw error;
    isLeftAlone = true;
    clearInterval(timer);
  };
  /** One write after the other, or two would send the same values. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = writing.then(() => (isLeftAlone ? undefined : work())).catch(leaveAlone);
    writing = turn.catch(() => undefined);
    return turn;
  };
  const beatInTurn = (): void => {
    inTurn(beat).catch((error: unknown) => {
      // Whatever else it is, the values are still there and go out with the next beat, or with the end.
      if (isDomainError(error) && error.code === 'PRN_RUN_STALE_WRITER') takenOver.abort(error);
    });
  };
  const timer = setInterval(() => {
    if (pending.length > 0 || now() >= renewAt) beatInTurn();
  }, WRITE_EVERY_MS).unref();

  return {
    takenOver: takenOver.signal,
    logMetrics(values, step) {
      const timestampMs = Math.floor(now() / 1_000);
      for (const [key, value] of Object.entries(values)) {
        if (step <= (written.get(key) ?? Number.NEGATIVE_INFINITY)) continue;
        written.set(key, step);
        pending.push({ key, value, step, timestampMs });
      }
    },
    writeSoon: beatInTurn,
    write: (batch) => inTurn(() => send(batch)),
    async leave(forMicros) {
      clearInterval(timer);
      await inTurn(async () => {
        await writePending();
        await runs.hold(runId, { owner, forMicros, epoch });
      });
    },
    async close() {
      clearInterval(timer);
      await inTurn(async () => {
        await writePending();
        await runs.update(runId, { status: 'FINISHED' }, epoch);
      });
    },
  };
}

/** Was the write refused because somebody deleted or ended the run, and not because another attempt goes on with it? */
async function isGone(runs: RunStore, runId: string, error: unknown): Promise<boolean> {
  if (!isDomainError(error)) return false;
  if (error.code === 'PRN_RUN_DELETED' || error.code === 'PRN_RUN_NOT_FOUND') return true;
  return error.code === 'PRN_RUN_STALE_WRITER' && (await runs.info(runId))?.writer === null;
}
