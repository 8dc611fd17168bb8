/** Activities of dataset ingestion. */
import type { ArtifactRef } from '../../domain/artifact.js';

export interface IngestDatasetInput {
  readonly ingestionId: string;
  readonly dataset: string;
  readonly sourceUri: string;
  readonly requestedBy: string;
  readonly timing: 'production' | 'test';
}

/** As a schedule starts it: always with the same words, so that the id is made of the workflow's own. */
export type ScheduledIngestionInput = Omit<IngestDatasetInput, 'ingestionId'>;

export interface PreparedSegment {
  readonly outcome: 'accepted';
  /** JSON artefact with the `Segment`. */
  readonly segment: ArtifactRef;
  readonly revision: number;
  /** JSON artefact with the `ValidationReport`. */
  readonly report: ArtifactRef;
  readonly accepted: number;
  readonly quarantined: number;
  readonly warnings: readonly string[];
}

/** The source was read, and its rows were refused as a whole. */
export interface RefusedSegment {
  readonly outcome: 'refused';
  readonly revision: number;
  /** JSON artefact with the `ValidationReport`; null for a source without rows to judge. */
  readonly report: ArtifactRef | null;
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
  /**
   * Adds the segment to the dataset, or puts it in the place of the others; the same segment again changes nothing.
   * `moved`: another ingestion went further meanwhile, the source must be read again.
   */
  commitDatasetVersion(input: {
    ingestionId: string;
    dataset: string;
    revision: number;
    segment: ArtifactRef;
    actor: string;
  }): Promise<{
    readonly status: 'committed' | 'unchanged' | 'moved';
    readonly commitSeq: number;
    readonly versionId: string;
  }>;
  /** Starts the queries and feature views that follow this dataset over its newest version; those that run or ran over it are left alone. */
  startDependents(input: { dataset: string }): Promise<{ readonly started: readonly string[] }>;
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
    /** JSON artefact with the `ValidationReport`; null before the source was judged. */
    report: ArtifactRef | null;
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
