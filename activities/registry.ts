/** Registration, staging and approval: each a small write that may be repeated. */
import { type Approval, type Decision, type DecisionMessage, judgeApproval, whyIgnored } from '../domain/approval.js';
import { durationMicros, durationMs } from '../domain/duration.js';
import { DomainError } from '../domain/errors.js';
import type { Sha256Hex } from '../domain/ids.js';
import { modelCard } from '../domain/model-card.js';
import type { Lineage, ModelVersion } from '../domain/registry.js';
import { EvaluatedModel, TrainedModel, TrainingDataset, TrainingSnapshot } from '../domain/training.js';
import type { Stores } from '../store/contracts/index.js';
import type { RecordedDecision, RegistryActivities } from '../workflows/contracts/registry.js';
import { getJson, putJson } from '../store/contracts/json-artifacts.js';
import { tagPipelineRun } from './pipeline-run-log.js';
import type { Clock, ServingPort } from './ports.js';
import { runStagingChecks } from './staging-checks.js';
import { checkCertificate } from './skew-check.js';
import { requireResource } from './declared.js';

export interface RegistryDependencies {
  readonly stores: Stores;
  readonly serving: ServingPort;
  readonly now: Clock;
  readonly sha256Hex: Sha256Hex;
  readonly heartbeat: (details?: unknown) => void;
}

export function createRegistryActivities(dependencies: RegistryDependencies) {
  const { stores, now } = dependencies;
  const { registry, endpoints, audit } = stores;

  return {
    async registerVersion(input) {
      const { artifacts } = stores;
      const [trained, evaluated, snapshot, dataset] = await Promise.all([
        getJson(artifacts, input.trained, TrainedModel),
        getJson(artifacts, input.evaluated, EvaluatedModel),
        getJson(artifacts, input.snapshot, TrainingSnapshot),
        getJson(artifacts, input.dataset, TrainingDataset),
      ]);
      const { bundle, bundleDigest, trainer, search } = trained;
      const { evidence, evidenceDigest } = evaluated;
      const lineage: Lineage = {
        ...lineageOf(input, { snapshot, dataset }),
        ...(trainer && { trainer }),
        ...(search && { parameters: search.parameters, search: { report: search.report, reason: search.reason } }),
      };
      const { model, requestId, actor: createdBy } = input;
      const sources = { evidence: input.evaluated, snapshot: input.snapshot, dataset: input.dataset };
      const card = await putJson(artifacts, modelCard({ evidence, snapshot, dataset, sources, search }));
      const registered = await registry.registerVersion({
        model,
        requestId,
        bundle,
        bundleDigest,
        evidence,
        evidenceDigest,
        lineage,
        card,
        createdTs: now(),
        createdBy,
      });
      await tagPipelineRun(dependencies, input.pipelineId, { version: String(registered.version) });
      return { version: registered.version };
    },

    async stageVersion({ model, version, actor }) {
      const { resource } = await requireResource(stores, 'Model', model);
      await registry.setStage({ model, version, from: 'none', to: 'staging', actor, reason: 'candidate' });
      await endpoints.setStaged({ endpoint: resource.spec.endpoint, model, version, staged: true });
    },

    async checkStagedVersion({ model, version }) {
      const { resource } = await requireResource(stores, 'Model', model);
      const found = await requireVersion(stores, model, version);
      const { endpoint, staging } = resource.spec;
      const certificate = await checkCertificate(stores, found, dependencies.sha256Hex);
      if (!certificate.passed) return { outcome: 'failed', checks: [certificate] };
      const served = await runStagingChecks(dependencies, {
        endpoint,
        version,
        bundle: found.bundle,
        maxLatencyP99Ms: staging.maxLatencyP99Ms,
      });
      return { outcome: served.outcome, checks: [certificate, ...served.checks] };
    },

    async archiveCandidate({ model, version, actor, reason }) {
      const { resource } = await requireResource(stores, 'Model', model);
      const { stage } = await requireVersion(stores, model, version);
      await endpoints.setStaged({ endpoint: resource.spec.endpoint, model, version, staged: false });
      if (stage === 'none' || stage === 'staging')
        await registry.setStage({ model, version, from: stage, to: 'archived', actor, reason });
    },

    async openApproval({ approvalId, model, version, workflowId, requestedBy }) {
      const { revision, resource } = await requireResource(stores, 'Model', model);
      const { bundleDigest, evidenceDigest } = await requireVersion(stores, model, version);
      const policy = resource.spec.approval;
      const standing = await registry.approval(approvalId);
      const openedTs = standing?.openedTs ?? now();
      const approval: Approval = {
        approvalId,
        model,
        version,
        workflowId,
        bundleDigest,
        evidenceDigest,
        policy,
        policyRevision: revision,
        requestedBy,
        openedTs,
        deadlineTs: openedTs + durationMicros(policy.expiresAfter),
        outcome: 'pending',
        closedTs: null,
      };
      const { superseded } = await registry.openApproval(approval);
      return {
        approvalId,
        deadlineMs: approval.deadlineTs / 1_000,
        remindEveryMs: durationMs(policy.remindEvery),
        quorum: policy.quorum,
        allowUnauthenticated: policy.allowUnauthenticated,
        supersededWorkflows: superseded.map((older) => older.workflowId),
      };
    },

    async recordDecision({ approvalId, message }) {
      const approval = await requireApproval(stores, approvalId);
      const stored = await registry.decision(message.decisionId);
      const decision =
        stored ?? (await registry.insertDecision(await signalledDecision(dependencies, approval, message)));
      return judge(stores, approval, decision);
    },

    async reviewApproval({ approvalId }) {
      const approval = await requireApproval(stores, approvalId);
      const decisions = await registry.decisions(approvalId);
      const { outcome, approvedBy, rejectedBy } = judgeApproval(approval, decisions);
      const reason = decisions.find((decision) => decision.decision === 'reject')?.reason ?? '';
      return {
        verdict: outcome,
        decidedBy: rejectedBy ?? approvedBy.at(-1) ?? null,
        reason: outcome === 'rejected' ? reason : '',
      };
    },

    async closeApproval({ approvalId, outcome }) {
      const closed = await registry.closeApproval({ approvalId, outcome, at: now(), actor: 'pipeline' });
      return { outcome: closed.outcome };
    },

    async extendApproval({ approvalId, deadlineMs }) {
      await registry.extendApproval(approvalId, Math.round(deadlineMs) * 1_000);
    },

    async remindApprovers({ approvalId, reminder }) {
      const { model, version } = await requireApproval(stores, approvalId);
      const facts = {
        scope: `model/${model}`,
        actor: 'pipeline',
        action: 'approval.reminded',
        subject: approvalId,
        details: { version, reminder },
      };
      await audit.append(facts, now());
    },
  } satisfies RegistryActivities;
}

export async function requireVersion(
  stores: Pick<Stores, 'registry'>,
  model: string,
  version: number,
): Promise<ModelVersion> {
  const found = await stores.registry.version(model, version);
  if (found === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
  return found;
}

async function requireApproval(stores: Pick<Stores, 'registry'>, approvalId: string): Promise<Approval> {
  const approval = await stores.registry.approval(approvalId);
  if (approval === null) throw new DomainError('PRN_APPROVAL_NOT_FOUND', { approvalId });
  return approval;
}

/** A decision that came by signal: proven by a one-time token, or recorded as what it claims to be. */
async function signalledDecision(
  dependencies: RegistryDependencies,
  approval: Approval,
  message: DecisionMessage,
): Promise<Decision> {
  const { stores, sha256Hex, now } = dependencies;
  const { decisionId, decision, reason, version } = message;
  const { approvalId } = approval;
  const token =
    message.token === undefined
      ? null
      : await stores.registry.consumeToken({ digest: sha256Hex(message.token), approvalId, decisionId });
  return {
    decisionId,
    approvalId,
    decision,
    reason,
    version,
    actor: token?.actor ?? message.actor ?? 'unknown',
    role: token?.role ?? null,
    channel: 'signal',
    authenticated: token !== null,
    at: now(),
  };
}

async function judge(stores: Stores, approval: Approval, decision: Decision): Promise<RecordedDecision> {
  const foreign = decision.approvalId !== approval.approvalId;
  const decisions = await stores.registry.decisions(approval.approvalId);
  const { outcome, ignored } = judgeApproval(approval, decisions);
  const because = foreign
    ? 'this decisionId was used for another approval'
    : (whyIgnored(approval, decision) ??
      ignored.find(({ decisionId }) => decisionId === decision.decisionId)?.because ??
      null);
  return {
    decisionId: decision.decisionId,
    counted: because === null,
    because,
    verdict: outcome,
    decidedBy: decision.actor,
  };
}

function lineageOf(
  input: Parameters<RegistryActivities['registerVersion']>[0],
  { snapshot, dataset }: { readonly snapshot: TrainingSnapshot; readonly dataset: TrainingDataset },
): Lineage {
  const { dataset: spineDataset, versionId, commitSeq } = snapshot.spine;
  return {
    pipelineId: input.pipelineId,
    requestId: input.requestId,
    trigger: input.trigger,
    ...(input.codeRevision !== undefined && { codeRevision: input.codeRevision }),
    modelRevision: snapshot.modelRevision,
    spine: { dataset: spineDataset, versionId, commitSeq },
    views: snapshot.views.map(({ view, revision, throughSeq, datasetVersionId }) => ({
      view,
      revision,
      throughSeq,
      datasetVersionId,
    })),
    trainingDatasetDigest: dataset.digest,
    trainRows: dataset.trainRows,
    holdoutRows: dataset.holdoutRows,
    ...snapshot.split,
    asOf: snapshot.asOf,
    knowledge: snapshot.knowledge,
    seed: snapshot.spec.trainer.seed,
    parameters: snapshot.spec.trainer.parameters,
  };
}
