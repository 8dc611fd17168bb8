/** Quarantine cases as activities: small writes that may be repeated, and the description that cards are made of. */
import { durationMicros } from '../domain/duration.js';
import { DomainError } from '../domain/errors.js';
import { naturalKeyId, type Sha256Hex } from '../domain/ids.js';
import {
  isOpenCase,
  type QuarantineCase,
  type QuarantineDecision,
  type QuarantineDecisionMessage,
  whyUncounted,
} from '../domain/quarantine.js';
import { quarantineEffect } from '../domain/quarantine-effect.js';
import type { Stores } from '../store/contracts/index.js';
import type { QuarantineRows } from '../store/contracts/quarantine.js';
import type { CountedDecision, QuarantineActivities, QuarantineFacts } from '../workflows/contracts/quarantine.js';
import type { Clock, WorkflowPort } from './ports.js';

export interface QuarantineDependencies {
  readonly stores: Stores;
  readonly rows: QuarantineRows;
  readonly workflows: Pick<WorkflowPort, 'quarantineCase'>;
  readonly now: Clock;
  readonly sha256Hex: Sha256Hex;
}

export function createQuarantineActivities(dependencies: QuarantineDependencies) {
  const { stores, workflows, now, sha256Hex } = dependencies;
  const { quarantine } = stores;
  const counted = (decision: QuarantineDecision): CountedDecision => {
    const { decisionId, caseId, action, actor } = decision;
    return { decisionId, action, actor, ingestionId: naturalKeyId(sha256Hex, ['quarantine', caseId, decisionId]) };
  };
  return {
    async startQuarantineCase({ dataset, commitSeq }) {
      const opened = await quarantine.caseOfCommit(dataset, commitSeq);
      if (opened === null || !isOpenCase(opened)) return { caseId: null };
      await workflows.quarantineCase({ caseId: opened.caseId, dataset });
      return { caseId: opened.caseId };
    },

    describeQuarantineCase: async ({ caseId }) => describe(dependencies, await requireCase(stores, caseId)),

    async waitingDecisions({ caseId }) {
      const standing = await requireCase(stores, caseId);
      const pending = (await quarantine.decisions(caseId)).filter(({ verdict }) => verdict === 'pending');
      const applying = pending.find(({ decisionId }) => decisionId === standing.applying);
      const others = pending.filter((decision) => decision !== applying).slice(0, 20);
      return { applying: applying === undefined ? null : counted(applying), messages: others.map(messageOf) };
    },

    async judgeQuarantineDecision({ caseId, message }) {
      const standing = await requireCase(stores, caseId);
      const known = await quarantine.decision(caseId, message.decisionId);
      const decision = known ?? (await quarantine.insertDecision(await signalled(dependencies, caseId, message)));
      const { decisionId, actor: decidedBy, verdict } = decision;
      if (verdict !== 'pending')
        return { counted: null, because: `decision ${decisionId} was ${verdict} before`, decidedBy };
      const because = whyUncounted(standing, decision);
      if (because !== null) {
        await quarantine.ignoreDecision(decision, because);
        return { counted: null, because, decidedBy };
      }
      const after = await quarantine.change(caseId, { kind: 'begin', decisionId, at: now() }, decidedBy);
      if (after.applying === decisionId) return { counted: counted(decision), because: null, decidedBy };
      return { counted: null, because: `the case is ${after.state}`, decidedBy };
    },

    async settleQuarantineDecision({ caseId, decisionId, release: commit }) {
      const decision = await quarantine.decision(caseId, decisionId);
      if (decision?.split == null) throw new DomainError('PRN_QUARANTINE_NOT_FOUND', { caseId });
      const { action, split, actor } = decision;
      const { dataset, remaining } = await requireCase(stores, caseId);
      const version = commit === null ? null : await stores.datasets.version(dataset, commit.versionId);
      const segmentId = version?.segmentIds.at(-1) ?? '';
      const release = commit && { decisionId, ...commit, segmentId, rows: remaining - split.remaining };
      await quarantine.change(caseId, { kind: 'settle', decisionId, action, split, release, at: now() }, actor);
    },

    async failQuarantineDecision({ caseId, decisionId, problem }) {
      await quarantine.change(caseId, { kind: 'fail', decisionId, problem, at: now() }, ACTOR);
    },

    async remindQuarantine({ caseId, reminder }) {
      await quarantine.change(caseId, { kind: 'remind', reminder, at: now() }, ACTOR);
    },

    async escalateQuarantine({ caseId }) {
      await quarantine.change(caseId, { kind: 'escalate', at: now() }, ACTOR);
    },
  } satisfies QuarantineActivities;
}

const ACTOR = 'quarantine';
const SAMPLES = 5;
const SAMPLE_LENGTH = 240;

async function requireCase({ quarantine }: Stores, caseId: string): Promise<QuarantineCase> {
  const found = await quarantine.case(caseId);
  if (found === null) throw new DomainError('PRN_QUARANTINE_NOT_FOUND', { caseId });
  return found;
}

async function describe({ stores, rows }: QuarantineDependencies, standing: QuarantineCase): Promise<QuarantineFacts> {
  const { policy, openedTs, remindedTs, escalatedTs, remainingTable } = standing;
  const first = remainingTable === null ? [] : await rows.page(remainingTable, { after: 0, limit: SAMPLES });
  const { lacking } = await quarantineEffect(standing, (node) => stores.lineage.lineage(node, 'forward'));
  const { caseId, dataset, commitSeq, sourceUri, state, severity, applying, problem, reminders, rules } = standing;
  const { rows: all, remaining, released, fixed, discarded } = standing;
  const escalateAt = openedTs + durationMicros(policy.escalateAfter);
  const about = { caseId, dataset, commitSeq, sourceUri, state, severity, applying, problem, reminders, rules };
  const counts = { rows: all, remaining, released, fixed, discarded };
  return {
    ...about,
    ...counts,
    decisions: (await stores.quarantine.decisions(caseId)).length,
    roles: policy.roles,
    allowUnauthenticated: policy.allowUnauthenticated,
    openedMs: openedTs / 1_000,
    remindAtMs: ((remindedTs ?? openedTs) + durationMicros(policy.remindEvery)) / 1_000,
    escalateAtMs: escalatedTs === null ? escalateAt / 1_000 : null,
    samples: first.map(({ sourceRow, failedRules, raw }) => ({
      row: sourceRow,
      failed: failedRules,
      raw: raw.length > SAMPLE_LENGTH ? `${raw.slice(0, SAMPLE_LENGTH)}…` : raw,
    })),
    lacking: lacking.modelVersions.slice(0, 10).map(({ model, version }) => `${model} v${version}`),
  };
}

function messageOf({
  decisionId,
  action,
  reason,
  rules,
  rows,
  upload,
  actor,
}: QuarantineDecision): QuarantineDecisionMessage {
  return {
    decisionId,
    action,
    reason,
    actor,
    ...(rules !== null && { rules }),
    ...(rows !== null && { rows }),
    ...(upload !== null && { upload }),
  };
}

/** A decision that came by signal: proven by a one-time token, or recorded as what it claims to be. */
async function signalled(
  { stores, sha256Hex, now }: QuarantineDependencies,
  caseId: string,
  { token, actor, ...message }: QuarantineDecisionMessage,
): Promise<QuarantineDecision> {
  const { decisionId, action, reason, rules = null, rows = null, upload = null } = message;
  const digest = token === undefined ? null : sha256Hex(token);
  const proof = digest === null ? null : await stores.registry.consumeToken({ digest, approvalId: caseId, decisionId });
  const asked = { decisionId, caseId, action, reason, rules, rows, upload };
  return {
    ...asked,
    actor: proof?.actor ?? actor ?? 'unknown',
    role: proof?.role ?? null,
    channel: 'signal',
    authenticated: proof !== null,
    at: now(),
    verdict: 'pending',
    because: null,
    split: null,
  };
}
