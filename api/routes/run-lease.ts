/** Whose an epoch is: every reader of a run sees it, so that it proves nothing by itself. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import type { RunStore } from '../../store/contracts/runs.js';
import { type Call, param } from '../route.js';

/** Which lease of the run a write belongs to; see `POST /v1/runs/:run/leases`. */
export const Epoch = z.number().int().positive().optional().meta({
  description: 'Of the lease, where the run has a writer; it counts only for who took that lease',
});

/**
 * The epoch that a request comes with; null of one without. Throws `PRN_RUN_STALE_WRITER` where somebody else took that
 * lease. One epoch has one actor for ever, so what is found here still holds when the write comes.
 */
export async function heldEpoch(
  runs: Pick<RunStore, 'info'>,
  call: Pick<Call<{ readonly epoch?: number | undefined }, unknown>, 'body' | 'params' | 'actor'>,
): Promise<number | null> {
  const { epoch = null } = call.body;
  if (epoch === null) return null;
  const runId = param(call, 'run');
  const writer = (await runs.info(runId))?.writer ?? null;
  if (writer?.epoch !== epoch || writer.actor === call.actor.name) return epoch;
  throw new DomainError('PRN_RUN_STALE_WRITER', { runId, holder: `${writer.owner} for somebody else`, epoch });
}
