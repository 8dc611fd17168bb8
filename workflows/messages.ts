/** Every message of every workflow: the wire names and bodies that the API, the Web UI and tests send. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { z } from 'zod';
import { DecisionMessage } from '../domain/approval.js';
import { QuarantineDecisionMessage } from '../domain/quarantine.js';
import { RetrainingRequest } from '../domain/retraining.js';
import { RetrainingSpec } from '../domain/model.js';

export { DecisionMessage, QuarantineDecisionMessage, RetrainingRequest };
export type { IngestDatasetInput, IngestDatasetResult, ScheduledIngestionInput } from './contracts/dataset.js';
export type { MaterializeFeaturesInput, MaterializeFeaturesResult } from './contracts/features.js';
export type { HistoricalRetrievalInput } from './contracts/historical-retrieval.js';
export type { TrainingPipelineInput } from './contracts/lifecycle.js';
export type { QuarantineCaseInput, QuarantineCaseResult } from './contracts/quarantine.js';
export type { RolloutInput, RolloutResult } from './contracts/rollout.js';

/** Names of the workflow types, as histories and the Web UI know them. */
export const WORKFLOW_TYPES = {
  ingestDataset: 'ingestDataset',
  quarantineCase: 'quarantineCase',
  materializeFeatures: 'materializeFeatures',
  historicalRetrieval: 'historicalRetrieval',
  modelLifecycle: 'modelLifecycle',
  trainingPipeline: 'trainingPipeline',
  rollout: 'rollout',
  driftWatch: 'driftWatch',
} as const;

/** Start input of the entity `modelLifecycle`; `carried` is set only by continue-as-new. */
export interface ModelLifecycleInput {
  readonly model: string;
  readonly timing: 'production' | 'test';
  readonly carried?: unknown;
  /** Continue as new after this many history events, where a test wants to see it. */
  readonly maxHistoryLength?: number;
}

/** Start input of the entity `driftWatch`. */
export interface DriftWatchInput {
  readonly endpoint: string;
  readonly timing: 'production' | 'test';
  readonly carried?: unknown;
  readonly maxHistoryLength?: number;
}

// quarantineCase
export const decideQuarantineSignal = defineSignal<[QuarantineDecisionMessage]>('decideQuarantine');
export const quarantineStatusQuery = defineQuery<QuarantineStatus>('status');

export interface QuarantineStatus {
  /** Null until the case was read. */
  readonly state: string | null;
  readonly remaining: number;
  readonly severity: string;
  readonly reminders: number;
  /** The last decisions that did not count, and why. */
  readonly ignored: readonly string[];
}

// trainingPipeline
export const decideApprovalSignal = defineSignal<[DecisionMessage]>('decideApproval');
export const submitDecisionUpdate = defineUpdate<DecisionReceipt, [DecisionMessage]>('submitDecision');
export const extendDeadlineSignal = defineSignal<[ExtendDeadlineMessage]>('extendDeadline');
export const supersedeSignal = defineSignal<[SupersedeMessage]>('supersede');
export const pipelineStatusQuery = defineQuery<PipelineStatus>('status');

export const ExtendDeadlineMessage = z.strictObject({
  requestId: z.string().min(1).max(100),
  actor: z.string().min(1).max(100),
  extraMinutes: z
    .number()
    .positive()
    .max(60 * 24 * 60),
});
export type ExtendDeadlineMessage = z.infer<typeof ExtendDeadlineMessage>;

export const SupersedeMessage = z.strictObject({
  requestId: z.string().min(1).max(100),
  byVersion: z.number().int().positive(),
});
export type SupersedeMessage = z.infer<typeof SupersedeMessage>;

export interface DecisionReceipt {
  readonly counted: boolean;
  readonly because: string | null;
  readonly verdict: 'pending' | 'approved' | 'rejected';
}

export interface PipelineStatus {
  readonly stage: string;
  readonly version: number | null;
  readonly waitingFor: string | null;
  readonly reasons: readonly string[];
}

// modelLifecycle
export const requestRetrainingSignal = defineSignal<[RetrainingRequest]>('requestRetraining');
export const pipelineFinishedSignal = defineSignal<[PipelineFinishedMessage]>('pipelineFinished');
export const lifecycleObserveSignal = defineSignal<[ObserveMessage]>('observe');
export const setPolicyUpdate = defineUpdate<{ readonly accepted: true }, [SetPolicyMessage]>('setPolicy');
export const pauseUpdate = defineUpdate<{ readonly paused: boolean }, [PauseMessage]>('pause');
export const resumeUpdate = defineUpdate<{ readonly paused: boolean }, [PauseMessage]>('resume');
export const overviewQuery = defineQuery<LifecycleOverview>('overview');

/** The pipeline no longer trains (`slotReleased`), or has ended. */
export const PipelineFinishedMessage = z.strictObject({
  pipelineId: z.string(),
  phase: z.enum(['slotReleased', 'closed']),
  outcome: z.string(),
});
export type PipelineFinishedMessage = z.infer<typeof PipelineFinishedMessage>;

export const SetPolicyMessage = z.strictObject({
  requestId: z.string().min(1).max(100),
  actor: z.string().min(1).max(100),
  policy: RetrainingSpec,
});
export type SetPolicyMessage = z.infer<typeof SetPolicyMessage>;

export const PauseMessage = z.strictObject({
  requestId: z.string().min(1).max(100),
  actor: z.string().min(1).max(100),
  reason: z.string().max(1000),
});
export type PauseMessage = z.infer<typeof PauseMessage>;

export interface LifecycleOverview {
  readonly model: string;
  readonly paused: boolean;
  readonly running: string | null;
  readonly queued: readonly { readonly requestId: string; readonly reason: string; readonly waitingFor: string }[];
  readonly watermark: number | null;
}

// driftWatch and everything else that lives by the watermark
export const ObserveMessage = z.strictObject({ watermark: z.number().int() });
export type ObserveMessage = z.infer<typeof ObserveMessage>;
export const observeSignal = defineSignal<[ObserveMessage]>('observe');

export const MuteMessage = z.strictObject({
  requestId: z.string().min(1).max(100),
  actor: z.string().min(1).max(100),
  /** On the endpoint's clock, microseconds. */
  until: z.number().int(),
  reason: z.string().max(1000),
});
export type MuteMessage = z.infer<typeof MuteMessage>;
export const muteSignal = defineSignal<[MuteMessage]>('mute');
export const StopMessage = z.strictObject({ requestId: z.string().min(1).max(100), actor: z.string().min(1).max(100) });
export type StopMessage = z.infer<typeof StopMessage>;
export const stopSignal = defineSignal<[StopMessage]>('stop');
export const driftStateQuery = defineQuery<DriftState>('driftState');

export interface DriftState {
  readonly endpoint: string;
  readonly watermark: number | null;
  readonly sealedThrough: number | null;
  readonly mutedUntil: number | null;
  readonly lastLines: readonly string[];
}

// rollout
export const ApproveStepMessage = z.strictObject({
  requestId: z.string().min(1).max(100),
  actor: z.string().min(1).max(100),
  step: z.number().int().nonnegative(),
});
export type ApproveStepMessage = z.infer<typeof ApproveStepMessage>;
export const approveStepSignal = defineSignal<[ApproveStepMessage]>('approveStep');
export const AbortMessage = z.strictObject({
  requestId: z.string().min(1).max(100),
  actor: z.string().min(1).max(100),
  reason: z.string().min(1).max(1000),
});
export type AbortMessage = z.infer<typeof AbortMessage>;
export const abortSignal = defineSignal<[AbortMessage]>('abort');
export const GuardrailBreachedMessage = z.strictObject({
  alertId: z.string(),
  monitor: z.string(),
  explanation: z.string(),
});
export type GuardrailBreachedMessage = z.infer<typeof GuardrailBreachedMessage>;
export const guardrailBreachedSignal = defineSignal<[GuardrailBreachedMessage]>('guardrailBreached');
export const rolloutStatusQuery = defineQuery<RolloutStatus>('status');

export interface RolloutStatus {
  readonly state: string;
  readonly step: number;
  readonly weight: number;
  readonly reasons: readonly string[];
}
