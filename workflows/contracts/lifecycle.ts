/** Activities of a model's lifecycle: requests, pipelines and their projections. */
import type { RetrainingSpec } from '../../domain/model.js';
import type { Judged, PipelineOutcome, PipelineStage } from '../../domain/pipeline.js';
import type { RetrainingRequest } from '../../domain/retraining.js';

export interface TrainingPipelineInput {
  readonly pipelineId: string;
  readonly model: string;
  readonly requestId: string;
  readonly trigger: RetrainingRequest['source'];
  /** Of the code that asked for it. */
  readonly codeRevision?: string;
  readonly requestedBy: string;
  readonly reason: string;
  readonly asOf: number | null;
  readonly timing: 'production' | 'test';
}

export interface LifecycleRecord {
  readonly paused: boolean;
  readonly clock: 'wall' | 'event';
  /** Last watermark of the endpoint; null before the first. */
  readonly watermark: number | null;
  readonly policy: RetrainingSpec;
  readonly queued: readonly RetrainingRequest[];
  /** Starts of this model's pipelines on the endpoint's clock, ascending, newest 50. */
  readonly startedAt: readonly number[];
  /** The pipeline that holds the training slot. */
  readonly running: string | null;
}

export interface LifecycleActivities {
  loadLifecycle(input: { model: string }): Promise<LifecycleRecord>;
  /** Keeps a request once per model and id. */
  receiveRequest(input: { model: string; request: RetrainingRequest }): Promise<{ readonly inserted: boolean }>;
  /** Marks the request started and opens the pipeline's projection. */
  openPipeline(input: {
    model: string;
    request: RetrainingRequest;
    startedAt: number;
  }): Promise<{ readonly pipelineId: string; readonly workflowId: string }>;
  /** Asks Temporal about the pipeline; one that ended without a report is recorded `lost`. */
  inspectPipeline(input: { pipelineId: string }): Promise<{ readonly state: 'running' | 'ended' | 'lost' }>;
  /** Keeps a policy that stands until the model's spec is applied with another one. */
  setRetrainingPolicy(input: {
    model: string;
    policy: RetrainingSpec;
    actor: string;
    requestId: string;
  }): Promise<void>;
  setPaused(input: { model: string; paused: boolean; actor: string }): Promise<void>;
  /** Keeps where a pipeline stands, for lists and polls. */
  recordPipeline(input: {
    pipelineId: string;
    stage: PipelineStage;
    outcome: PipelineOutcome;
    reasons: readonly string[];
    version: number | null;
    approvalId: string | null;
    rolloutId: string | null;
    /** Null before the evaluation; absent in histories from before it was kept. */
    judged?: Judged | null;
  }): Promise<void>;
}
