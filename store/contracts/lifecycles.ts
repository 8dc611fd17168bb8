/** Retraining requests, pipelines, and the record of each model's lifecycle. */
import type { RetrainingSpec } from '../../domain/model.js';
import type { Pipeline } from '../../domain/pipeline.js';
import type { RetrainingRequest } from '../../domain/retraining.js';

export interface StoredRequest extends RetrainingRequest {
  readonly model: string;
  readonly state: 'queued' | 'started' | 'dropped';
  readonly pipelineId: string | null;
  readonly receivedTs: number;
}

export interface LifecycleStore {
  /** Once per model and `requestId`, for ever; false when it existed. */
  insertRequest(model: string, request: RetrainingRequest, receivedTs: number): Promise<boolean>;
  requests(model: string, state?: StoredRequest['state']): Promise<StoredRequest[]>;
  setRequestState(input: {
    model: string;
    requestId: string;
    state: StoredRequest['state'];
    pipelineId: string | null;
  }): Promise<void>;
  /** Inserts once per `pipelineId`; a repeat returns the stored one. */
  openPipeline(pipeline: Pipeline): Promise<Pipeline>;
  updatePipeline(pipelineId: string, changes: Partial<Omit<Pipeline, 'pipelineId' | 'model'>>): Promise<void>;
  pipeline(pipelineId: string): Promise<Pipeline | null>;
  pipelines(filter: { model?: string; limit?: number }): Promise<Pipeline[]>;
  setPaused(model: string, paused: boolean, actor: string): Promise<void>;
  /** A policy set at run time, with the model revision it was set against; null when none. */
  setPolicy(input: { model: string; policy: RetrainingSpec; modelRevision: number; actor: string }): Promise<void>;
  policy(model: string): Promise<{ readonly policy: RetrainingSpec; readonly modelRevision: number } | null>;
  isPaused(model: string): Promise<boolean>;
}
