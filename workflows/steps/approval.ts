/** Waits for people: decisions by signal, update or API, reminders, extensions, deadline, or a newer candidate. */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
} from '@temporalio/workflow';
import type { OpenedApproval } from '../contracts/registry.js';
import { supersedeSignal } from '../messages.js';
import { setDeadline } from '../search-attributes.js';
import type { ApprovalInbox } from './approval-inbox.js';
import type { Candidate } from './candidate.js';
import type { PipelineRun } from './pipeline-run.js';

export interface ApprovalResult {
  readonly outcome: 'approved' | 'rejected_by_approver' | 'approval_expired' | 'superseded';
  readonly reasons: readonly string[];
}

interface Waiting {
  readonly run: PipelineRun;
  readonly inbox: ApprovalInbox;
  readonly approvalId: string;
  readonly opened: OpenedApproval;
  deadlineMs: number;
  remindAtMs: number;
  reminders: number;
  ignored: string[];
}

export async function awaitApproval(input: {
  readonly run: PipelineRun;
  readonly inbox: ApprovalInbox;
  readonly candidate: Candidate;
  readonly version: number;
}): Promise<ApprovalResult> {
  const { run, inbox, version } = input;
  const waiting = await openApproval(run, inbox, version);
  inbox.open = true;
  try {
    const result = await decide(waiting);
    await closeApproval(waiting, result);
    return result;
  } catch (error) {
    await CancellationScope.nonCancellable(() =>
      run.activities.closeApproval({ approvalId: waiting.approvalId, outcome: 'superseded' }),
    );
    throw error;
  } finally {
    inbox.open = false;
    setDeadline(null);
    await condition(allHandlersFinished);
  }
}

/** One approval per pipeline, so the pipeline's id is its key; older waiting candidates of the model give way. */
async function openApproval(run: PipelineRun, inbox: ApprovalInbox, version: number): Promise<Waiting> {
  const { pipelineId: approvalId, model, requestedBy } = run.input;
  const opened = await run.activities.openApproval({
    approvalId,
    model,
    version,
    workflowId: run.workflowId,
    requestedBy,
  });
  for (const workflowId of opened.supersededWorkflows)
    await tellSuperseded(workflowId, { requestId: approvalId, byVersion: version });
  await run.enter('awaiting_approval', { approvalId, waitingFor: `a decision about version ${version}` });
  setDeadline(opened.deadlineMs);
  const waiting: Waiting = {
    run,
    inbox,
    approvalId,
    opened,
    deadlineMs: opened.deadlineMs,
    remindAtMs: Date.now() + opened.remindEveryMs,
    reminders: 0,
    ignored: [],
  };
  showApproval(waiting);
  return waiting;
}

async function decide(waiting: Waiting): Promise<ApprovalResult> {
  const { run, inbox, approvalId, opened } = waiting;
  for (;;) {
    const now = Date.now();
    const wakeAtMs = Math.min(waiting.deadlineMs, waiting.remindAtMs, now + run.polls.reviewApprovalMs);
    const hasWork = (): boolean =>
      inbox.decisions.length > 0 || inbox.extensions.length > 0 || inbox.supersededBy !== null;
    const woken = await condition(hasWork, Math.max(1, wakeAtMs - now), { summary: 'Next look at the approval' });

    await applyExtensions(waiting);
    const byMessage = await workDecisions(waiting);
    if (byMessage !== null) return byMessage;
    if (inbox.supersededBy !== null)
      return { outcome: 'superseded', reasons: [`version ${inbox.supersededBy} is newer and waits for approval`] };
    if (woken) continue;

    const review = await run.activities.reviewApproval({ approvalId });
    if (review.verdict !== 'pending')
      return verdictResult(review.verdict, review.decidedBy ?? 'unknown', review.reason);
    if (Date.now() >= waiting.deadlineMs)
      return { outcome: 'approval_expired', reasons: ['nobody decided before the deadline'] };
    if (Date.now() >= waiting.remindAtMs) {
      waiting.reminders += 1;
      waiting.remindAtMs += opened.remindEveryMs;
      await run.activities.remindApprovers({ approvalId, reminder: waiting.reminders });
    }
  }
}

async function workDecisions(waiting: Waiting): Promise<ApprovalResult | null> {
  const { run, inbox, approvalId } = waiting;
  for (let queued = inbox.decisions.shift(); queued !== undefined; queued = inbox.decisions.shift()) {
    const { message } = queued;
    const recorded = await run.activities.recordDecision({ approvalId, message });
    queued.receipt = { counted: recorded.counted, because: recorded.because, verdict: recorded.verdict };
    if (recorded.verdict !== 'pending') return verdictResult(recorded.verdict, recorded.decidedBy, message.reason);
    if (recorded.because !== null)
      waiting.ignored = [...waiting.ignored, `${recorded.decidedBy}: ${recorded.because}`].slice(-10);
    showApproval(waiting);
  }
  return null;
}

function verdictResult(verdict: 'approved' | 'rejected', decidedBy: string, reason: string): ApprovalResult {
  if (verdict === 'approved') return { outcome: 'approved', reasons: [] };
  return { outcome: 'rejected_by_approver', reasons: [`${decidedBy}: ${reason}`] };
}

async function applyExtensions(waiting: Waiting): Promise<void> {
  for (
    let extension = waiting.inbox.extensions.shift();
    extension !== undefined;
    extension = waiting.inbox.extensions.shift()
  ) {
    waiting.deadlineMs += extension.extraMinutes * 60_000;
    await waiting.run.activities.extendApproval({ approvalId: waiting.approvalId, deadlineMs: waiting.deadlineMs });
    setDeadline(waiting.deadlineMs);
    showApproval(waiting);
  }
}

async function closeApproval(waiting: Waiting, result: ApprovalResult): Promise<void> {
  const outcome = {
    approved: 'approved',
    rejected_by_approver: 'rejected',
    approval_expired: 'expired',
    superseded: 'superseded',
  } as const;
  await waiting.run.activities.closeApproval({ approvalId: waiting.approvalId, outcome: outcome[result.outcome] });
}

function showApproval(waiting: Waiting): void {
  const { quorum, allowUnauthenticated } = waiting.opened;
  const deadlineIso = new Date(waiting.deadlineMs).toISOString();
  waiting.run.show({ approval: { deadlineIso, quorum, allowUnauthenticated, ignored: waiting.ignored } });
}

async function tellSuperseded(workflowId: string, message: { requestId: string; byVersion: number }): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(supersedeSignal, message);
  } catch (error) {
    log.warn('a superseded pipeline could not be told', { workflowId, error: String(error) });
  }
}
