/** Shapes of answers that no domain schema names: records of the stores, and what routes compose. */
import { z } from 'zod';
import { ApiKeyRecord } from '../domain/access.js';
import { Approval, Decision } from '../domain/approval.js';
import { ArtifactRef } from '../domain/artifact.js';
import { EndpointState } from '../domain/endpoint.js';
import { Evidence } from '../domain/evaluation.js';
import { EvaluationMetrics } from '../domain/metrics.js';
import { ChampionEntry, ModelHead, Stage } from '../domain/registry.js';
import { Resource } from '../domain/resources.js';
import { RetrainingRequest } from '../domain/retraining.js';

const ResourceKind = z.enum(['Dataset', 'Entity', 'FeatureView', 'Endpoint', 'Model', 'Monitor']);
const count = z.number().int().nonnegative();
const time = z.number().int();

export const ResourceSummary = z.strictObject({
  kind: ResourceKind,
  name: z.string(),
  revision: count,
  owner: z.string().optional(),
  description: z.string().optional(),
  appliedBy: z.string(),
  appliedTs: time,
});

export const StoredResourceAnswer = z.strictObject({
  kind: ResourceKind,
  name: z.string(),
  revision: count,
  resource: Resource,
  appliedBy: z.string(),
  appliedTs: time,
});

export const IngestionAnswer = z.strictObject({
  ingestionId: z.string(),
  dataset: z.string(),
  sourceUri: z.string(),
  requestedBy: z.string(),
  state: z.enum(['running', 'committed', 'unchanged', 'refused', 'failed']),
  commitSeq: z.number().int().nullable(),
  versionId: z.string().nullable(),
  accepted: count,
  quarantined: count,
  warnings: z.array(z.string()).readonly(),
  report: ArtifactRef.nullable(),
  error: z.strictObject({ code: z.string(), message: z.string() }).readonly().nullable(),
  startedTs: time,
  endedTs: time.nullable(),
});

export const MaterializationAnswer = z.strictObject({
  view: z.string(),
  viewRevision: z.number().int().nullable(),
  throughCut: time.nullable(),
  commitSeq: z.number().int().nullable(),
  sinceSeq: z.number().int().nullable(),
  seq: count,
});

export const RetrainingRequestAnswer = RetrainingRequest.extend({
  model: z.string(),
  state: z.enum(['queued', 'started', 'dropped']),
  pipelineId: z.string().nullable(),
  receivedTs: time,
});

export const ModelSummary = ModelHead.extend({ endpoint: z.string().nullable(), owner: z.string().optional() });

export const ModelAnswer = ModelSummary.extend({
  paused: z.boolean(),
  /** Null while nothing is in production. */
  current: ChampionEntry.nullable(),
  waitingRequests: count,
});

export const VersionSummary = z.strictObject({
  model: z.string(),
  version: z.number().int(),
  stage: Stage,
  task: Evidence.shape.task,
  metrics: EvaluationMetrics,
  gates: Evidence.shape.outcome,
  bundleDigest: z.string(),
  trigger: z.string(),
  trainRows: count,
  holdoutRows: count,
  createdTs: time,
  createdBy: z.string(),
});

/** What to send to the workflow to decide an approval without the API. */
export const ApprovalSignal = z.strictObject({
  workflowId: z.string(),
  name: z.literal('decideApproval'),
  body: z.record(z.string(), z.unknown()),
});

export const ApprovalWithDecisions = Approval.extend({ decisions: z.array(Decision).readonly() });

export const ApprovalAnswer = ApprovalWithDecisions.extend({
  verdict: z.strictObject({
    outcome: z.enum(['pending', 'approved', 'rejected']),
    approvedBy: z.array(z.string()).readonly(),
    rejectedBy: z.string().nullable(),
    ignored: z.array(z.strictObject({ decisionId: z.string(), because: z.string() }).readonly()).readonly(),
  }),
  signal: ApprovalSignal,
});

export const DecisionAnswer = Decision.extend({
  because: z.string().nullable().meta({ description: 'Why it does not count; null when it does' }),
  signalled: z.boolean().meta({ description: 'False: the workflow finds the decision at its next review' }),
});

export const EndpointAnswer = EndpointState.extend({ predictions: count, groundTruth: count });

export const KeyAnswer = ApiKeyRecord.omit({ digest: true });

export const CreatedKeyAnswer = KeyAnswer.extend({
  key: z.string().optional().meta({ description: 'The key itself, in the first answer only' }),
});
