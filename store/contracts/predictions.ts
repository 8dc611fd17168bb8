/** The prediction log in columnar buckets, ground truth by prediction id. */
import type { ServedVector } from '../../domain/served-vector.js';
import type { Outcome, PredictionBucket } from '../../domain/prediction.js';

export interface KnownOutcome {
  readonly predictionId: string;
  readonly outcome: Outcome;
  /** Microseconds. */
  readonly knownTs: number;
}

export interface PredictionStore {
  /** Unordered, once per `bucketId`. */
  insertBuckets(buckets: readonly PredictionBucket[]): Promise<void>;
  /** Buckets that hold rows with `from ≤ event time < to`; rows outside must be filtered by the caller. */
  buckets(input: { endpoint: string; from: number; to: number }): Promise<PredictionBucket[]>;
  /** Sampled feature vectors with `from ≤ event time < to`. */
  servedVectors(input: { endpoint: string; from: number; to: number }): Promise<ServedVector[]>;
  count(endpoint: string): Promise<number>;
  /** Upserts labels; of two for one prediction the one known later wins. Returns how many rows changed. */
  saveGroundTruth(endpoint: string, labels: readonly KnownOutcome[], receivedTs: number): Promise<number>;
  /** Labels of the given predictions that were known at `asOf`. */
  groundTruth(predictionIds: readonly string[], asOf: number): Promise<ReadonlyMap<string, Outcome>>;
  groundTruthCount(endpoint: string): Promise<number>;
}
