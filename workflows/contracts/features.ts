/** Activities of feature materialisation. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { MaterializationState, NewChunk } from '../../domain/materialization.js';

export interface MaterializeFeaturesInput {
  readonly materializationId: string;
  readonly view: string;
  /** Last cut to compute, microseconds on the data's own time; never later than now, which is the default. */
  readonly through?: number;
  readonly requestedBy: string;
  readonly timing: 'production' | 'test';
  /** How much one run takes on before it goes on as a new one; tests make it little. */
  readonly limits?: { readonly chunksPerPlan: number; readonly plansPerRun: number };
  /** Set by a run that goes on as a new one. */
  readonly resumed?: { readonly at: MaterializedVersion; readonly chunks: number; readonly rows: number };
}

/** What one run reads, fixed when it begins. */
export interface MaterializedVersion {
  readonly view: string;
  readonly viewRevision: number;
  readonly dataset: string;
  /** Null where the dataset has no version: only pushed rows are there. */
  readonly version: {
    readonly versionId: string;
    readonly commitSeq: number;
    readonly sinceSeq: number;
  } | null;
  /** Last cut, microseconds; null for row features. */
  readonly through: number | null;
}

/** A stretch of cuts, or rows of commits: see `CutRange` and `CommitRange`. */
export type PlannedChunk = { readonly chunkId: string } & (
  | { readonly fromCut: number; readonly toCut: number }
  | {
      readonly fromCommit: number;
      readonly toCommit: number;
      readonly piece: { readonly fromRow: number; readonly toRow: number | null } | null;
    }
);

/** The newest row of each entity, as a table to bring online. */
export interface Publication {
  readonly table: ArtifactRef;
  readonly rows: number;
  readonly generation: number;
  /** Last chunk that it holds. */
  readonly throughSeq: number;
}

export interface FeatureComputeActivities {
  /** Computes the rows of a chunk into a Parquet artefact and reads them back. Runs on `compute`. */
  materializeChunk(input: { at: MaterializedVersion; chunk: PlannedChunk }): Promise<NewChunk>;
  /** Gathers what is not online yet: the newest row of each entity. Null where nothing is. Runs on `compute`. */
  gatherPublication(input: { at: MaterializedVersion }): Promise<Publication | null>;
}

export interface FeatureActivities {
  /** Fixes what the run reads and how far it computes. */
  pinMaterialization(input: { view: string; through: number | null }): Promise<MaterializedVersion>;
  /** Moves pushed rows into chunks of history. Safe to repeat. */
  drainPushedRows(input: { view: string }): Promise<{ readonly chunks: number; readonly rows: number }>;
  /** Chunks that are still missing, at most `limit` of them. */
  planMaterialization(input: {
    at: MaterializedVersion;
    limit: number;
  }): Promise<{ readonly chunks: readonly PlannedChunk[] }>;
  /** Records a computed chunk. Safe to repeat. */
  commitChunk(input: { chunk: NewChunk }): Promise<{ readonly seq: number }>;
  /** Brings rows `[fromRow, toRow)` of the table online. Safe to repeat and to run beside others. */
  publishRows(input: {
    at: MaterializedVersion;
    publication: Publication;
    fromRow: number;
    toRow: number;
  }): Promise<{ readonly rows: number }>;
  /** Says how far the view is complete, and takes rows offline that a new revision or new data left behind. */
  finishMaterialization(input: {
    at: MaterializedVersion;
    publication: Publication | null;
  }): Promise<MaterializationState>;
}

export interface MaterializeFeaturesResult {
  readonly chunks: number;
  readonly rows: number;
  readonly onlineRows: number;
  /** Commit of the dataset whose rows are all in; 0 where it has none. */
  readonly commitSeq: number;
}
