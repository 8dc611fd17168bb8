/** Works one decision: does it count, and if so, carries it out. Rows that come back are ingested like any source. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, ParentClosePolicy, sleep, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { workflowIds } from '../../domain/ids.js';
import { quarantineAddress } from '../../domain/quarantine-release.js';
import type { IngestDatasetInput, IngestDatasetResult } from '../contracts/dataset.js';
import type { CountedDecision } from '../contracts/quarantine.js';
import { failureFacts, isCancellation } from '../failures.js';
import { ingestDataset } from '../ingest-dataset.js';
import type { QuarantineDecisionMessage } from '../messages.js';
import { ignore, type QuarantineRun, refresh } from './quarantine-run.js';

export async function workDecision(run: QuarantineRun, message: QuarantineDecisionMessage): Promise<void> {
  const { caseId } = run.input;
  const { counted, because, decidedBy } = await run.activities.judgeQuarantineDecision({ caseId, message });
  if (counted === null) return ignore(run, `${decidedBy} (${message.action}): ${because ?? 'it does not count'}`);
  await refresh(run);
  await carryOut(run, counted);
}

/** Ends with the decision settled, or failed with the case open again. */
export async function carryOut(run: QuarantineRun, decision: CountedDecision): Promise<void> {
  const { caseId } = run.input;
  const { decisionId } = decision;
  try {
    const done = decision.action === 'discard' ? await discard(run, decision) : await bringBack(run, decision);
    if ('problem' in done) await run.activities.failQuarantineDecision({ caseId, decisionId, ...done });
    else await run.activities.settleQuarantineDecision({ caseId, decisionId, ...done });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { code, message } = failureFacts(error);
    await run.activities.failQuarantineDecision({ caseId, decisionId, problem: `${code}: ${message}`.slice(0, 1_000) });
  }
  await refresh(run);
}

type Done =
  | { readonly release: { readonly commitSeq: number; readonly versionId: string } | null }
  | { readonly problem: string };

async function discard({ input, activities }: QuarantineRun, { decisionId }: CountedDecision): Promise<Done> {
  const { selected } = await activities.selectDiscarded({ caseId: input.caseId, decisionId });
  return selected > 0 ? { release: null } : { problem: 'no undecided row is among the chosen ones' };
}

async function bringBack(run: QuarantineRun, decision: CountedDecision): Promise<Done> {
  const { caseId, dataset, timing } = run.input;
  const { ingestionId, decisionId, actor: requestedBy } = decision;
  const sourceUri = quarantineAddress(caseId, decisionId);
  const ended = await ingest(run, { ingestionId, dataset, sourceUri, requestedBy, timing });
  if (ended.outcome === 'refused') return { problem: ended.failures.join('; ').slice(0, 1_000) };
  return { release: { commitSeq: ended.commitSeq, versionId: ended.versionId } };
}

/** A run that ended before may have left this ingestion behind: it is waited for, and then asked again what came of it. */
async function ingest(run: QuarantineRun, input: IngestDatasetInput): Promise<IngestDatasetResult> {
  for (;;) {
    try {
      return await executeChild(ingestDataset, {
        workflowId: workflowIds.ingestDataset(input.ingestionId),
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        staticSummary: `Bring rows of ${input.dataset} back from quarantine`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      await sleep(run.polls.endpointMs);
    }
  }
}
