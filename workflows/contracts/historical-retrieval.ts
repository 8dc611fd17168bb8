/** Activities of historical retrieval. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { RetrievalResult } from '../../domain/historical-retrieval.js';

export interface HistoricalRetrievalInput {
  readonly retrievalId: string;
  readonly request: ArtifactRef;
  readonly timing: 'production' | 'test';
}

export interface PlannedRetrieval {
  readonly plan: ArtifactRef;
  /** Views to join. */
  readonly views: number;
}

/** The spine as it is joined: numbered rows with coerced keys and times. */
export interface RetrievalSpineTable {
  readonly table: ArtifactRef;
  readonly rows: number;
  readonly unusable: RetrievalResult['unusable'];
}

/** Rows of the spine, first and last inclusive, with the features of one view. */
export interface RetrievalPart {
  readonly view: number;
  readonly fromRow: number;
  readonly toRow: number;
}

export interface JoinedPart extends RetrievalPart {
  readonly table: ArtifactRef;
}

export interface RetrievalActivities {
  /** Pins views, chunks and versions. Throws where a view, feature or version does not exist. */
  planRetrieval(input: { retrievalId: string; request: ArtifactRef }): Promise<PlannedRetrieval>;
  completeRetrieval(input: { retrievalId: string; result: RetrievalResult }): Promise<void>;
  failRetrieval(input: { retrievalId: string; error: { code: string; message: string } }): Promise<void>;
}

/** CPU work; each gives the same bytes whenever it is repeated. */
export interface RetrievalComputeActivities {
  /** Reads the rows that are asked about. Throws where a key, a time or a request field is missing. */
  loadRetrievalSpine(input: { plan: ArtifactRef; request: ArtifactRef }): Promise<RetrievalSpineTable>;
  joinRetrievalView(input: { plan: ArtifactRef; spine: ArtifactRef; part: RetrievalPart }): Promise<JoinedPart>;
  /** Puts the parts together, computes features of features, and writes the answer. */
  assembleRetrieval(input: {
    plan: ArtifactRef;
    spine: RetrievalSpineTable;
    parts: readonly JoinedPart[];
  }): Promise<RetrievalResult>;
}

export interface HistoricalRetrievalResult {
  readonly resultId: string;
  readonly rows: number;
}
