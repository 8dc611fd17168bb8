/** Quarantine: rows that expectations refused, and the decisions about them. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../domain/canonical-json.js';
import { DomainError } from '../../domain/errors.js';
import { workflowIds } from '../../domain/ids.js';
import {
  isOpenCase,
  mayDecide,
  QuarantineCase,
  QuarantineDecision,
  QuarantineDecisionMessage,
  whyUncounted,
  whyUnusable,
} from '../../domain/quarantine.js';
import { QuarantineEffect, quarantineEffect } from '../../domain/quarantine-effect.js';
import { keyDigest } from '../auth.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { type Call, param, type Route, route } from '../route.js';

const DecisionBody = QuarantineDecisionMessage.omit({ actor: true, token: true })
  .extend({
    decisionId: z.string().min(1).max(100).optional().meta({ description: 'Makes a repeated call the same decision' }),
  })
  .meta({ examples: [{ action: 'release', reason: 'the rows are right, the rule is too strict' }] });
const CaseQuery = PageQuery.extend({
  dataset: z.string().optional(),
  state: z.enum(['open', 'closed']).optional().meta({ description: '`open` are those that wait for a decision' }),
});
const RowQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).meta({ description: 'Rows of one page' }),
  after: z.coerce.number().int().nonnegative().default(0).meta({ description: '`next` of the page before' }),
  all: z.enum(['true', 'false']).default('false').meta({ description: 'Also rows that were decided about' }),
});
const RowsAnswer = z.strictObject({
  items: z.array(
    z.strictObject({
      sourceRow: z.number().int().meta({ description: 'Its number in the source, from 1 over all files' }),
      sourceFile: z.string(),
      fileRow: z.number().int(),
      raw: z.string().meta({ description: 'Its values as they came, as JSON text' }),
      failedRules: z.array(z.string()).readonly(),
    }),
  ),
  next: z.number().int().nullable().meta({ description: 'Send it as `after`; null on the last page' }),
});
const Signal = z.strictObject({
  workflowId: z.string(),
  name: z.literal('decideQuarantine'),
  body: z.record(z.string(), z.unknown()),
});
const CaseAnswer = QuarantineCase.extend({ decisions: z.array(QuarantineDecision).readonly(), signal: Signal });
const DecisionAnswer = QuarantineDecision.extend({
  signalled: z.boolean().meta({ description: 'False: the workflow finds the decision at its next review' }),
});
const TokenAnswer = z.strictObject({
  caseId: z.string(),
  actor: z.string(),
  token: z.string().optional().meta({ description: 'In the first answer only' }),
  signal: Signal.optional().meta({ description: 'The signal with the token in it, in the first answer only' }),
});

export function quarantineRoutes(dependencies: ApiDependencies): Route[] {
  const { stores, quarantineRows } = dependencies;
  return [
    route({
      method: 'get',
      path: '/v1/quarantine',
      summary: 'Quarantine cases, newest first: rows that expectations refused',
      action: 'read',
      query: CaseQuery,
      response: pageOf(QuarantineCase),
      async handle({ query }) {
        const { dataset, state } = query;
        const filter = {
          ...(dataset !== undefined && { dataset }),
          ...(state !== undefined && { open: state === 'open' }),
        };
        const read = (count: number) => stores.quarantine.cases(filter, count);
        return { body: await readPage(query, { read, idOf: ({ caseId }) => caseId }) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/quarantine/:case',
      summary: 'One quarantine case, its decisions, and the signal that would release it',
      action: 'read',
      response: CaseAnswer,
      async handle(call) {
        const found = await requireCase(dependencies, param(call, 'case'));
        const decisions = await stores.quarantine.decisions(found.caseId);
        return { body: { ...found, decisions, signal: signalOf(found, decisions.length) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/quarantine/:case/rows',
      summary: 'Rows of a case that nobody has decided about, in order of their source',
      action: 'read',
      query: RowQuery,
      response: RowsAnswer,
      async handle(call) {
        const { limit, after, all } = call.query;
        const { table, remainingTable } = await requireCase(dependencies, param(call, 'case'));
        const from = all === 'true' ? table : remainingTable;
        const found = from === null ? [] : await quarantineRows.page(from, { after, limit: limit + 1 });
        const items = found.slice(0, limit);
        return { body: { items, next: found.length > limit ? (items.at(-1)?.sourceRow ?? null) : null } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/quarantine/:case/effect',
      summary: 'Dataset and model versions that were made without the rows of a case, and those that have them since',
      action: 'read',
      response: QuarantineEffect,
      async handle(call) {
        const found = await requireCase(dependencies, param(call, 'case'));
        return { body: await quarantineEffect(found, (node) => stores.lineage.lineage(node, 'forward')) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/quarantine/:case/decisions',
      summary: 'Release, fix or discard rows; your key says who you are, the dataset which roles decide',
      action: 'triage',
      status: 201,
      body: DecisionBody,
      response: DecisionAnswer,
      handle: (call) => decide(dependencies, call),
    }),
    route({
      method: 'post',
      path: '/v1/quarantine/:case/tokens',
      summary: 'A one-time token that proves your signal from the Temporal Web UI',
      action: 'triage',
      status: 201,
      response: TokenAnswer,
      async handle(call) {
        const about = await requireCase(dependencies, param(call, 'case'));
        requireRole(about, call);
        const { caseId } = about;
        const { name: actor, role } = call.actor;
        const token = randomBytes(24).toString('base64url');
        await stores.registry.saveToken({ digest: keyDigest(token), approvalId: caseId, actor, role });
        const signal = signalOf(about, (await stores.quarantine.decisions(caseId)).length);
        return {
          body: { caseId, actor },
          secret: { token, signal: { ...signal, body: { ...signal.body, actor, token } } },
        };
      },
    }),
  ];
}

/** The decision is kept first, then the workflow is told. A repeat of one that is kept only tells it again. */
async function decide(dependencies: ApiDependencies, call: Call<z.infer<typeof DecisionBody>, unknown>) {
  const { quarantine } = dependencies.stores;
  const about = await requireCase(dependencies, param(call, 'case'));
  requireRole(about, call);
  const { decisionId = call.mintId('quarantine-decision') } = call.body;
  const standing = await quarantine.decision(about.caseId, decisionId);
  const stored =
    standing ?? (await quarantine.insertDecision(await newDecision(dependencies, about, { decisionId, call })));
  requireSameDecision(stored, call);
  const { action, reason, actor } = stored;
  const signalled = await tellWorkflow(dependencies, about, { decisionId, action, reason, actor });
  return { location: `/v1/quarantine/${about.caseId}`, body: { ...stored, signalled } };
}

/** An id names one decision: whoever means another must not be told that it stands. */
function requireSameDecision(
  stored: QuarantineDecision,
  { actor, body }: Pick<Call<z.infer<typeof DecisionBody>, unknown>, 'actor' | 'body'>,
): void {
  const { action, rules = null, rows = null, upload = null } = body;
  const asked = { actor: actor.name, action, rules, rows, upload };
  const members = ['actor', 'action', 'rules', 'rows', 'upload'] as const;
  const differs = members.find((name) => canonicalJson(stored[name]) !== canonicalJson(asked[name]));
  if (differs === undefined) return;
  const value = stored[differs] ?? 'unset';
  throw invalid(`decisionId ${stored.decisionId} stands already with ${differs} ${String(value)}; choose another id`);
}

/** Refused at once where it could not count: whoever asks is still there to ask again. */
async function newDecision(
  { stores, now }: ApiDependencies,
  about: QuarantineCase,
  { decisionId, call }: { decisionId: string; call: Call<z.infer<typeof DecisionBody>, unknown> },
): Promise<QuarantineDecision> {
  const { caseId, dataset, state } = about;
  if (!isOpenCase(about)) throw new DomainError('PRN_QUARANTINE_CLOSED', { caseId, state });
  const { action, reason, rules = null, rows = null, upload = null } = call.body;
  const problem = whyUnusable(about, call.body);
  if (problem !== null) throw invalid(problem);
  const sent = upload === null ? null : await stores.uploads.upload(upload);
  if (upload !== null && sent?.dataset !== dataset)
    throw new DomainError('PRN_UPLOAD_NOT_FOUND', { dataset, uploadId: upload });
  const { name: actor, role } = call.actor;
  const proof = { actor, role, channel: 'api', authenticated: true } as const;
  const undone = { verdict: 'pending', because: null, split: null } as const;
  const decision = { decisionId, caseId, action, reason, rules, rows, upload, ...proof, at: now(), ...undone };
  const because = whyUncounted(about, decision);
  if (because !== null) throw invalid(because);
  return decision;
}

/** A signal that is lost costs only time: the workflow looks for kept decisions by itself. */
async function tellWorkflow(
  { workflows }: ApiDependencies,
  about: QuarantineCase,
  message: QuarantineDecisionMessage,
): Promise<boolean> {
  try {
    await workflows.decideQuarantine(about, message);
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'PRN_UNAVAILABLE') return false;
    throw error;
  }
}

function requireRole({ policy }: QuarantineCase, { actor }: Pick<Call<unknown, unknown>, 'actor'>): void {
  if (mayDecide(policy, actor.role)) return;
  const required = policy.roles.join(' or ');
  const action = 'deciding about these quarantined rows';
  throw new DomainError('PRN_AUTH_FORBIDDEN', { actor: actor.name, role: actor.role, action, required });
}

/** With an id that no decision has. */
function signalOf({ caseId }: QuarantineCase, decisions: number) {
  const reason = 'the rows are right, the rule is too strict';
  const body = {
    decisionId: `${caseId.slice(0, 8)}-release-${decisions + 1}`,
    action: 'release',
    reason,
    actor: 'your-name',
  };
  return { workflowId: workflowIds.quarantineCase(caseId), name: 'decideQuarantine' as const, body };
}

function invalid(problem: string): DomainError {
  return new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}

async function requireCase({ stores }: ApiDependencies, caseId: string): Promise<QuarantineCase> {
  const found = await stores.quarantine.case(caseId);
  if (found === null) throw new DomainError('PRN_QUARANTINE_NOT_FOUND', { caseId });
  return found;
}
