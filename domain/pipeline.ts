/** Training pipelines: where one stands, and how it can end. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { Name } from './names.js';

export const PipelineStage = z.enum([
  'queued',
  'snapshot',
  'training_dataset',
  'training',
  'evaluation',
  'registration',
  'staging_checks',
  'awaiting_approval',
  'rollout',
  'closed',
]);
export type PipelineStage = z.infer<typeof PipelineStage>;

export const PipelineOutcome = z.enum([
  'running',
  'promoted',
  'rejected_by_gates',
  'staging_failed',
  'rejected_by_approver',
  'approval_expired',
  'superseded',
  'stale_evidence',
  'rolled_back',
  'failed',
  'cancelled',
  'lost',
]);
export type PipelineOutcome = z.infer<typeof PipelineOutcome>;

/** JSON artefacts with the `TrainingSnapshot`, the `TrainingDataset` and the `EvaluatedModel` of a candidate. */
export const Judged = z.strictObject({ snapshot: ArtifactRef, dataset: ArtifactRef, evaluated: ArtifactRef });
export type Judged = z.infer<typeof Judged>;

export const Pipeline = z.strictObject({
  pipelineId: z.string(),
  model: Name,
  workflowId: z.string(),
  requestId: z.string(),
  trigger: z.enum(['manual', 'alert', 'code']),
  /** Of the code that asked for it; null for other triggers. */
  codeRevision: z.string().nullable().default(null),
  requestedBy: z.string(),
  stage: PipelineStage,
  outcome: PipelineOutcome,
  /** Reasons of a refusal, or the error that ended it. */
  reasons: z.array(z.string()),
  version: z.number().int().positive().nullable(),
  /** JSON artefacts of the candidate once it was evaluated, also of one that gates refused. */
  judged: Judged.nullable().default(null),
  approvalId: z.string().nullable(),
  rolloutId: z.string().nullable(),
  startedTs: z.number().int(),
  /** Start on the endpoint's clock; cooldown and budget count from here. */
  startedAt: z.number().int(),
  closedTs: z.number().int().nullable(),
});
export type Pipeline = z.infer<typeof Pipeline>;
