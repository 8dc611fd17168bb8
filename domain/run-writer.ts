/**
 * One writer for each run. Whoever took the run over last holds it; writers before him are refused, and a holder that
 * gives no sign of life until his time is over leaves a run that counts as lost.
 */
import { DomainError } from './errors.js';
import type { LifecycleStage, RunStatus, RunWriter } from './tracking.js';

/** What decides about a write. */
export interface WrittenRun {
  readonly runId: string;
  readonly status: RunStatus;
  readonly lifecycle: LifecycleStage;
  readonly writer: RunWriter | null;
}

/**
 * May this write happen? `epoch` is null of callers that hold nothing: they may write where nobody holds the run. A
 * holder that is late is still the holder while nobody took over. Throws `PRN_RUN_DELETED` and `PRN_RUN_STALE_WRITER`.
 */
export function requireWriter(run: WrittenRun, epoch: number | null): void {
  requireActive(run);
  if ((run.writer?.epoch ?? null) === epoch) return;
  const { runId, writer } = run;
  const holder = writer === null ? 'nobody: it was closed or given back' : `${writer.owner} (epoch ${writer.epoch})`;
  throw new DomainError('PRN_RUN_STALE_WRITER', { runId, holder, epoch: epoch ?? 'none' });
}

/** Throws `PRN_RUN_DELETED`. */
export function requireActive({ runId, lifecycle }: Pick<WrittenRun, 'runId' | 'lifecycle'>): void {
  if (lifecycle === 'deleted') throw new DomainError('PRN_RUN_DELETED', { runId });
}

/** How the cause of a lost run begins. */
export const LOST_PREFIX = 'lost: ';

/** Only such ends are withdrawn when the writer turns out to be alive. */
export function isLost({ status, cause }: { readonly status: RunStatus; readonly cause: string | null }): boolean {
  return status === 'FAILED' && (cause?.startsWith(LOST_PREFIX) ?? false);
}
