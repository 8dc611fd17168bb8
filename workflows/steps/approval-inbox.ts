/**
 * Collects decisions from the first workflow task on: one that comes before the approval opens is kept, not lost.
 * Handlers only queue; the main flow works the queue off, so that two messages never interleave.
 */
import { ApplicationFailure, condition, log, setHandler } from '@temporalio/workflow';
import {
  DecisionMessage,
  type DecisionReceipt,
  decideApprovalSignal,
  ExtendDeadlineMessage,
  extendDeadlineSignal,
  submitDecisionUpdate,
  SupersedeMessage,
  supersedeSignal,
} from '../messages.js';

/** Beyond this many unworked messages new ones are dropped: nobody sends them in good faith. */
const QUEUE_LIMIT = 1_000;

interface QueuedDecision {
  readonly message: DecisionMessage;
  receipt: DecisionReceipt | null;
}

export interface ApprovalInbox {
  /** Set while an approval is open; updates are refused otherwise, signals wait. */
  open: boolean;
  readonly decisions: QueuedDecision[];
  readonly extensions: ExtendDeadlineMessage[];
  supersededBy: number | null;
}

export function receiveDecisions(): ApprovalInbox {
  const inbox: ApprovalInbox = { open: false, decisions: [], extensions: [], supersededBy: null };
  const seenExtensions = new Set<string>();

  setHandler(
    decideApprovalSignal,
    (body: unknown) => {
      const parsed = DecisionMessage.safeParse(body);
      if (!parsed.success)
        log.warn('ignored a decideApproval signal that does not fit', { problem: parsed.error.message });
      else if (inbox.decisions.length >= QUEUE_LIMIT) log.warn('ignored a decideApproval signal: too many are waiting');
      else inbox.decisions.push({ message: parsed.data, receipt: null });
    },
    { description: 'Approve or reject the version: {decisionId, decision, reason, version, actor?, token?}' },
  );

  setHandler(submitDecisionUpdate, (body) => submitDecision(inbox, body), {
    description: 'The same as decideApproval, with an answer: does the decision count, and if not, why',
    validator: (body: unknown) => {
      const parsed = DecisionMessage.safeParse(body);
      if (!parsed.success)
        throw ApplicationFailure.nonRetryable(
          `The decision does not fit: ${parsed.error.message}`,
          'PRN_REQUEST_INVALID',
        );
      if (!inbox.open)
        throw ApplicationFailure.nonRetryable(
          'No approval is open here; the signal decideApproval is kept until one is.',
          'PRN_APPROVAL_CLOSED',
        );
    },
  });

  setHandler(
    extendDeadlineSignal,
    (body: unknown) => {
      const parsed = ExtendDeadlineMessage.safeParse(body);
      if (!parsed.success)
        log.warn('ignored an extendDeadline signal that does not fit', { problem: parsed.error.message });
      else if (!seenExtensions.has(parsed.data.requestId)) {
        seenExtensions.add(parsed.data.requestId);
        inbox.extensions.push(parsed.data);
      }
    },
    { description: 'Give approvers more time: {requestId, actor, extraMinutes}' },
  );

  setHandler(
    supersedeSignal,
    (body: unknown) => {
      const parsed = SupersedeMessage.safeParse(body);
      if (parsed.success) inbox.supersededBy = parsed.data.byVersion;
    },
    { description: 'Sent by a newer pipeline of the same model: {requestId, byVersion}' },
  );
  return inbox;
}

async function submitDecision(inbox: ApprovalInbox, message: DecisionMessage): Promise<DecisionReceipt> {
  const queued: QueuedDecision = { message, receipt: null };
  inbox.decisions.push(queued);
  await condition(() => queued.receipt !== null || !inbox.open);
  return queued.receipt ?? { counted: false, because: 'the approval closed before it was worked', verdict: 'pending' };
}
