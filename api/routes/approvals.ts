/** Approvals: what waits for a person, and the ways to decide. */
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Approval, ApprovalOutcome, type Decision, judgeApproval, whyIgnored } from '../../domain/approval.js';
import { DomainError } from '../../domain/errors.js';
import type { ApiDependencies } from '../dependencies.js';
import { keyDigest } from '../auth.js';
import { param, type Route, route } from '../route.js';

const DecisionBody = z.strictObject({
  decision: z.enum(['approve', 'reject']),
  reason: z.string().max(2_000).default(''),
  version: z
    .number()
    .int()
    .positive()
    .optional()
    .meta({ description: 'Guards against deciding about another version than the one that was read' }),
  decisionId: z.string().min(1).max(100).optional(),
});

export function approvalRoutes(dependencies: ApiDependencies): Route[] {
  const { stores } = dependencies;
  const { registry } = stores;
  return [
    route({
      method: 'get',
      path: '/v1/approvals',
      summary: 'Approvals, newest first',
      action: 'read',
      query: z.object({ model: z.string().optional(), outcome: ApprovalOutcome.optional() }),
      async handle({ query: { model, outcome } }) {
        const items = await registry.approvals({
          ...(model !== undefined && { model }),
          ...(outcome !== undefined && { outcome }),
        });
        const decisions = await Promise.all(items.map(({ approvalId }) => registry.decisions(approvalId)));
        return { body: { items: items.map((approval, index) => ({ ...approval, decisions: decisions[index] })) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/approvals/:approval',
      summary: 'One approval, its decisions, and the signal that would decide it',
      action: 'read',
      async handle(call) {
        const approval = await requireApproval(dependencies, param(call, 'approval'));
        const decisions = await registry.decisions(approval.approvalId);
        return {
          body: { ...approval, decisions, verdict: judgeApproval(approval, decisions), signal: signalOf(approval) },
        };
      },
    }),
    route({
      method: 'post',
      path: '/v1/approvals/:approval/decisions',
      summary: 'Approve or reject; your key says who you are',
      action: 'approve',
      body: DecisionBody,
      async handle(call) {
        const approval = await requireApproval(dependencies, param(call, 'approval'));
        const { approvalId, outcome, workflowId } = approval;
        if (outcome !== 'pending') throw new DomainError('PRN_APPROVAL_CLOSED', { approvalId, outcome });
        const { decision, reason, version = approval.version, decisionId = randomUUID() } = call.body;
        if (decision === 'reject' && reason.trim().length < 3) throw new DomainError('PRN_APPROVAL_REASON_REQUIRED');
        const { name: actor, role } = call.actor;
        const facts: Decision = {
          decisionId,
          approvalId,
          decision,
          reason,
          version,
          actor,
          role,
          channel: 'api',
          authenticated: true,
          at: dependencies.now(),
        };
        const stored = await registry.insertDecision(facts);
        await dependencies.workflows.decide(workflowId, { decisionId, decision, reason, version, actor });
        return { status: 201, body: { ...stored, because: whyIgnored(approval, stored) } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/approvals/:approval/tokens',
      summary: 'A one-time token that proves your signal from the Temporal Web UI',
      action: 'approve',
      async handle(call) {
        const approval = await requireApproval(dependencies, param(call, 'approval'));
        const token = randomBytes(24).toString('base64url');
        const { name: actor, role } = call.actor;
        await registry.saveToken({ digest: keyDigest(token), approvalId: approval.approvalId, actor, role });
        return {
          status: 201,
          body: { token, signal: { ...signalOf(approval), body: { ...signalOf(approval).body, actor, token } } },
        };
      },
    }),
  ];
}

function signalOf({ approvalId, version, workflowId }: Approval) {
  const body = {
    decisionId: `${approvalId}-approve-1`,
    decision: 'approve',
    reason: 'gates and staging checks look right',
    version,
    actor: 'your-name',
  };
  return { workflowId, name: 'decideApproval', body };
}

async function requireApproval({ stores }: ApiDependencies, approvalId: string): Promise<Approval> {
  const approval = await stores.registry.approval(approvalId);
  if (approval === null) throw new DomainError('PRN_APPROVAL_NOT_FOUND', { approvalId });
  return approval;
}
