/** Approvals: a request bound to digests, the decisions people took on it, and the pure rule that turns them into an outcome. */
import { z } from 'zod';
import { Role } from './access.js';
import { ApprovalSpec } from './model.js';
import { Name } from './names.js';

export const ApprovalOutcome = z.enum(['pending', 'approved', 'rejected', 'expired', 'superseded', 'stale']);
export type ApprovalOutcome = z.infer<typeof ApprovalOutcome>;

export const Approval = z.strictObject({
  approvalId: z.string(),
  model: Name,
  version: z.number().int().positive(),
  /** The workflow that owns the outcome and receives the signal. */
  workflowId: z.string(),
  bundleDigest: z.string(),
  evidenceDigest: z.string(),
  policy: ApprovalSpec,
  policyRevision: z.number().int(),
  requestedBy: z.string(),
  openedTs: z.number().int(),
  deadlineTs: z.number().int(),
  outcome: ApprovalOutcome,
  closedTs: z.number().int().nullable(),
});
export type Approval = z.infer<typeof Approval>;

/** The one message body of `decideApproval` and `submitDecision`. */
export const DecisionMessage = z.strictObject({
  decisionId: z.string().min(1).max(100),
  decision: z.enum(['approve', 'reject']),
  reason: z.string().max(2000).default(''),
  version: z.number().int().positive(),
  /** Who decides, as they say themselves; proven only by a token or by the API. */
  actor: z.string().min(1).max(100).optional(),
  /** One-time token bound to a person and this approval. */
  token: z.string().min(16).max(200).optional(),
});
export type DecisionMessage = z.infer<typeof DecisionMessage>;

export const Decision = z.strictObject({
  decisionId: z.string(),
  approvalId: z.string(),
  decision: z.enum(['approve', 'reject']),
  reason: z.string(),
  version: z.number().int().positive(),
  actor: z.string(),
  role: Role.nullable(),
  channel: z.enum(['api', 'signal']),
  authenticated: z.boolean(),
  at: z.number().int(),
});
export type Decision = z.infer<typeof Decision>;

export interface ApprovalVerdict {
  readonly outcome: 'pending' | 'approved' | 'rejected';
  readonly approvedBy: readonly string[];
  readonly rejectedBy: string | null;
  /** Decisions that did not count, and why. */
  readonly ignored: readonly { readonly decisionId: string; readonly because: string }[];
}

/** Why a decision does not count, or null when it does. Order of the checks is the order a person would ask. */
export function whyIgnored(approval: Approval, decision: Decision): string | null {
  const { policy } = approval;
  if (decision.version !== approval.version) return `it is about version ${decision.version}, not ${approval.version}`;
  if (decision.decision === 'reject' && decision.reason.trim().length < 3) return 'a rejection needs a reason';
  if (!decision.authenticated) {
    if (!policy.allowUnauthenticated) return 'its sender is not proven and the policy does not allow that';
    if (policy.quorum > 1) return 'its sender is not proven, which never counts towards a quorum above one';
    if (policy.forbid.length > 0) return 'its sender is not proven, so separation of duties cannot be checked';
    return null;
  }
  if (decision.role === null || !policy.roles.some((role) => role === decision.role)) {
    return `it needs one of the roles ${policy.roles.join(', ')}`;
  }
  if (policy.forbid.includes('requester') && decision.actor === approval.requestedBy)
    return 'the requester may not decide';
  return null;
}

/**
 * The outcome of an approval by its decisions in order of time. The first counted rejection rejects; approvals of
 * `quorum` different people approve. The same person counts once.
 */
export function judgeApproval(approval: Approval, decisions: readonly Decision[]): ApprovalVerdict {
  const approvedBy: string[] = [];
  const ignored: { decisionId: string; because: string }[] = [];
  for (const decision of decisions) {
    const because = whyIgnored(approval, decision);
    if (because !== null) {
      ignored.push({ decisionId: decision.decisionId, because });
    } else if (decision.decision === 'reject') {
      return { outcome: 'rejected', approvedBy, rejectedBy: decision.actor, ignored };
    } else if (approvedBy.includes(decision.actor)) {
      ignored.push({ decisionId: decision.decisionId, because: `${decision.actor} has approved already` });
    } else {
      approvedBy.push(decision.actor);
      if (approvedBy.length >= approval.policy.quorum)
        return { outcome: 'approved', approvedBy, rejectedBy: null, ignored };
    }
  }
  return { outcome: 'pending', approvedBy, rejectedBy: null, ignored };
}
