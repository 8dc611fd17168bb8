/** Training pipelines: where one stands, and how it can end. */
import { z } from 'zod';
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

export const Pipeline = z.strictObject({
  pipelineId: z.string(),
  model: Name,
  workflowId: z.string(),
  requestId: z.string(),
  trigger: z.enum(['manual', 'alert']),
  requestedBy: z.string(),
  stage: PipelineStage,
  outcome: PipelineOutcome,
  /** Reasons of a refusal, or the error that ended it. */
  reasons: z.array(z.string()),
  version: z.number().int().positive().nullable(),
  approvalId: z.string().nullable(),
  rolloutId: z.string().nullable(),
  startedTs: z.number().int(),
  /** Start on the endpoint's clock; cooldown and budget count from here. */
  startedAt: z.number().int(),
  closedTs: z.number().int().nullable(),
});
export type Pipeline = z.infer<typeof Pipeline>;
