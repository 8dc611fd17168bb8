/** Approvals: what waits for a person, and the ways to decide. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Approval, ApprovalOutcome, type Decision, judgeApproval, whyIgnored } from '../../domain/approval.js';
import { DomainError } from '../../domain/errors.js';
import type { ApiDependencies } from '../dependencies.js';
import { keyDigest } from '../auth.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { ApprovalAnswer, ApprovalSignal, ApprovalWithDecisions, DecisionAnswer } from '../responses.js';
import { type Call, param, type Route, route } from '../route.js';

const DecisionBody = z
  .strictObject({
    decision: z.enum(['approve', 'reject']),
    reason: z.string().max(2_000).default(''),
    version: z
      .number()
      .int()
      .positive()
      .optional()
      .meta({ description: 'Guards against deciding about another version than the one that was read' }),
    decisionId: z.string().min(1).max(100).optional().meta({ description: 'Makes a repeated call the same decision' }),
  })
  .meta({ examples: [{ decision: 'approve', reason: 'gates and staging checks look right' }] });
const ListQuery = PageQuery.extend({ model: z.string().optional(), outcome: ApprovalOutcome.optional() });
const TokenAnswer = z.strictObject({
  approvalId: z.string(),
  actor: z.string(),
  token: z.string().optional().meta({ description: 'In the first answer only' }),
  signal: ApprovalSignal.optional().meta({ description: 'The signal with the token in it, in the first answer only' }),
});

export function approvalRoutes(dependencies: ApiDependencies): Route[] {
  const { registry } = dependencies.stores;
  return [
    route({
      method: 'get',
      path: '/v1/approvals',
      summary: 'Approvals, newest first',
      action: 'read',
      query: ListQuery,
      response: pageOf(ApprovalWithDecisions),
      handle: async ({ query }) => ({ body: await listApprovals(dependencies, query) }),
    }),
    route({
      method: 'get',
      path: '/v1/approvals/:approval',
      summary: 'One approval, its decisions, and the signal that would decide it',
      action: 'read',
      response: ApprovalAnswer,
      async handle(call) {
        const approval = await requireApproval(dependencies, param(call, 'approval'));
        const decisions = await registry.decisions(approval.approvalId);
        const verdict = judgeApproval(approval, decisions);
        return { body: { ...approval, decisions, verdict, signal: signalOf(approval) } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/approvals/:approval/decisions',
      summary: 'Approve or reject; your key says who you are',
      action: 'approve',
      status: 201,
      body: DecisionBody,
      response: DecisionAnswer,
      handle: (call) => decide(dependencies, call),
    }),
    route({
      method: 'post',
      path: '/v1/approvals/:approval/tokens',
      summary: 'A one-time token that proves your signal from the Temporal Web UI',
      action: 'approve',
      status: 201,
      response: TokenAnswer,
      async handle(call) {
        const approval = await requireApproval(dependencies, param(call, 'approval'));
        const { approvalId } = approval;
        const { name: actor, role } = call.actor;
        const token = randomBytes(24).toString('base64url');
        await registry.saveToken({ digest: keyDigest(token), approvalId, actor, role });
        const signal = signalOf(approval);
        const proven = { ...signal, body: { ...signal.body, actor, token } };
        return { body: { approvalId, actor }, secret: { token, signal: proven } };
      },
    }),
  ];
}

async function listApprovals({ stores }: ApiDependencies, query: z.infer<typeof ListQuery>) {
  const { registry } = stores;
  const { model, outcome } = query;
  const filter = { ...(model !== undefined && { model }), ...(outcome !== undefined && { outcome }) };
  const read = () => registry.approvals(filter);
  const { items, next } = await readPage(query, { read, idOf: ({ approvalId }) => approvalId });
  const withDecisions = items.map(async (approval) => ({
    ...approval,
    decisions: await registry.decisions(approval.approvalId),
  }));
  return { items: await Promise.all(withDecisions), next };
}

/** The decision is kept first, then the workflow is told. A repeat of one that is kept only tells it again. */
async function decide(dependencies: ApiDependencies, call: Call<z.infer<typeof DecisionBody>, unknown>) {
  const { registry } = dependencies.stores;
  const approval = await requireApproval(dependencies, param(call, 'approval'));
  const { decisionId = call.mintId('decision') } = call.body;
  const standing = await registry.decision(decisionId);
  const stored = standing ?? (await registry.insertDecision(newDecision(dependencies, { approval, decisionId, call })));
  requireSameDecision(stored, { approvalId: approval.approvalId, actor: call.actor.name, ...call.body });
  const { decision, reason, version, actor } = stored;
  const message = { decisionId, decision, reason, version, actor };
  const signalled = await tellWorkflow(dependencies, approval, message);
  return {
    location: `/v1/approvals/${approval.approvalId}`,
    body: { ...stored, because: whyIgnored(approval, stored), signalled },
  };
}

/** A repeat says the same again; whatever differs is another decision and must not be answered with this one. */
function requireSameDecision(
  { decisionId, ...stored }: Decision,
  asked: Pick<Decision, 'approvalId' | 'actor' | 'decision'>,
): void {
  const differs = (['approvalId', 'actor', 'decision'] as const).find((name) => stored[name] !== asked[name]);
  if (differs === undefined) return;
  const problem = `decisionId ${decisionId} stands already with ${differs} ${stored[differs]}`;
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}

function newDecision(
  { now }: ApiDependencies,
  asked: { approval: Approval; decisionId: string; call: Call<z.infer<typeof DecisionBody>, unknown> },
): Decision {
  const { approval, decisionId, call } = asked;
  const { approvalId, outcome } = approval;
  if (outcome !== 'pending') throw new DomainError('PRN_APPROVAL_CLOSED', { approvalId, outcome });
  const { decision, reason, version = approval.version } = call.body;
  if (decision === 'reject' && reason.trim().length < 3) throw new DomainError('PRN_APPROVAL_REASON_REQUIRED');
  const { name: actor, role } = call.actor;
  const proof = { actor, role, channel: 'api', authenticated: true } as const;
  return { decisionId, approvalId, decision, reason, version, ...proof, at: now() };
}

/** A signal that is lost costs only time: the workflow reviews the kept decisions by itself. */
async function tellWorkflow(
  { workflows }: ApiDependencies,
  { workflowId }: Approval,
  message: Parameters<ApiDependencies['workflows']['decide']>[1],
): Promise<boolean> {
  try {
    await workflows.decide(workflowId, message);
    return true;
  } catch (error) {
    const isLost =
      error instanceof DomainError && (error.code === 'PRN_UNAVAILABLE' || error.code === 'PRN_WORKFLOW_NOT_FOUND');
    if (!isLost) throw error;
    return false;
  }
}

function signalOf({ approvalId, version, workflowId }: Approval) {
  const body = {
    decisionId: `${approvalId}-approve-1`,
    decision: 'approve',
    reason: 'gates and staging checks look right',
    version,
    actor: 'your-name',
  };
  return { workflowId, name: 'decideApproval' as const, body };
}

async function requireApproval({ stores }: ApiDependencies, approvalId: string): Promise<Approval> {
  const approval = await stores.registry.approval(approvalId);
  if (approval === null) throw new DomainError('PRN_APPROVAL_NOT_FOUND', { approvalId });
  return approval;
}
