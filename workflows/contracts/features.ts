/** Activities of feature materialisation. */
import type { MaterializationChunk } from '../../domain/feature-view.js';

export interface MaterializeFeaturesInput {
  readonly materializationId: string;
  readonly view: string;
  /** Last cut to compute, microseconds on the data's own time. */
  readonly through: number;
  readonly requestedBy: string;
  readonly timing: 'production' | 'test';
}

export interface PlannedChunk {
  readonly chunkId: string;
  readonly fromCut: number;
  readonly toCut: number;
}

export interface MaterializationPlan {
  readonly view: string;
  readonly viewRevision: number;
  readonly dataset: string;
  readonly datasetVersionId: string;
  readonly commitSeq: number;
  readonly chunks: readonly PlannedChunk[];
}

/** A computed chunk before it got its `seq`. */
export type ComputedChunk = Omit<MaterializationChunk, 'seq'>;

export interface FeatureComputeActivities {
  /** Computes the rows of a stretch of cuts into a Parquet artefact. Runs on `compute`. */
  materializeChunk(input: { plan: Omit<MaterializationPlan, 'chunks'>; chunk: PlannedChunk }): Promise<ComputedChunk>;
}

export interface FeatureActivities {
  /** Cuts that are missing or touched by newer commits, in chunks of at most 31 cuts; none when all is up to date. */
  planMaterialization(input: { view: string; through: number }): Promise<MaterializationPlan>;
  /** Records the chunk, then brings the newest row of each entity online. Safe to repeat. */
  publishChunk(input: { chunk: ComputedChunk }): Promise<{ readonly seq: number; readonly onlineRows: number }>;
}

export interface MaterializeFeaturesResult {
  readonly chunks: number;
  readonly rows: number;
  readonly commitSeq: number;
}
