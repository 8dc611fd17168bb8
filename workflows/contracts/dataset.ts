/** Activities of dataset ingestion. */
import type { ArtifactRef } from '../../domain/artifact.js';

export interface IngestDatasetInput {
  readonly ingestionId: string;
  readonly dataset: string;
  readonly sourceUri: string;
  readonly requestedBy: string;
  readonly timing: 'production' | 'test';
}

export interface PreparedSegment {
  readonly outcome: 'accepted';
  /** JSON artefact with the `Segment`. */
  readonly segment: ArtifactRef;
  readonly revision: number;
  readonly accepted: number;
  readonly quarantined: number;
  readonly warnings: readonly string[];
}

/** The source was read, and its rows were refused as a whole. */
export interface RefusedSegment {
  readonly outcome: 'refused';
  readonly revision: number;
  readonly failures: readonly string[];
}

/** The source has nothing that the head of the dataset does not hold already. */
export interface UnchangedSource {
  readonly outcome: 'unchanged';
  readonly commitSeq: number;
  readonly versionId: string;
}

export interface DatasetComputeActivities {
  /** Reads, validates, profiles and splits a source; writes Parquet artefacts, commits nothing. Runs on `compute`. */
  prepareSegment(input: {
    ingestionId: string;
    dataset: string;
    sourceUri: string;
  }): Promise<PreparedSegment | RefusedSegment | UnchangedSource>;
}

export interface DatasetActivities {
  /** Appends the segment to the dataset; the same segment again changes nothing. */
  commitDatasetVersion(input: {
    ingestionId: string;
    dataset: string;
    revision: number;
    segment: ArtifactRef;
    actor: string;
  }): Promise<{ readonly status: 'committed' | 'unchanged'; readonly commitSeq: number; readonly versionId: string }>;
  /** Keeps the state of the ingestion for lists and polls. */
  recordIngestion(input: {
    ingestionId: string;
    dataset: string;
    sourceUri: string;
    requestedBy: string;
    state: 'running' | 'committed' | 'unchanged' | 'refused' | 'failed';
    commitSeq: number | null;
    versionId: string | null;
    accepted: number;
    quarantined: number;
    warnings: readonly string[];
    error: { code: string; message: string } | null;
  }): Promise<void>;
}

export type IngestDatasetResult =
  | {
      readonly outcome: 'committed' | 'unchanged';
      readonly commitSeq: number;
      readonly versionId: string;
      readonly accepted: number;
      readonly quarantined: number;
      readonly warnings: readonly string[];
    }
  | { readonly outcome: 'refused'; readonly failures: readonly string[] };
