/** Activities from snapshot to gate verdict. References travel; the content lies in artefacts. */
import type { ArtifactRef } from '../../domain/artifact.js';

export interface SnapshotSummary {
  /** JSON artefact with the `TrainingSnapshot`. */
  readonly snapshot: ArtifactRef;
  readonly modelRevision: number;
  readonly championVersion: number | null;
  readonly aliasRevision: number;
  readonly endpoint: string;
  readonly asOf: number;
  readonly holdoutFrom: number;
  readonly holdoutTo: number;
}

export interface TrainingDatasetSummary {
  /** JSON artefact with the `TrainingDataset`. */
  readonly dataset: ArtifactRef;
  readonly trainRows: number;
  readonly holdoutRows: number;
}

export interface TrainedModelSummary {
  /** JSON artefact with the `TrainedModel`. */
  readonly trained: ArtifactRef;
  readonly bundleDigest: string;
  readonly trees: number;
}

export interface EvaluationSummary {
  /** JSON artefact with the `EvaluatedModel`. */
  readonly evaluated: ArtifactRef;
  /** JSON artefact with the `TrainedModel` whose bundle has its final threshold and reference profile. */
  readonly trained: ArtifactRef;
  readonly outcome: 'passed' | 'rejected';
  readonly reasons: readonly string[];
  readonly metrics: { readonly rocAuc: number; readonly logLoss: number; readonly calibrationGap: number };
  readonly championMetrics: {
    readonly rocAuc: number;
    readonly logLoss: number;
    readonly calibrationGap: number;
  } | null;
  /** One readable line per gate, for the status card. */
  readonly gateLines: readonly string[];
}

export interface TrainingActivities {
  /** Pins dataset versions, view chunks, spec revision, split bounds and champion. `asOf` null means now. */
  snapshotInputs(input: { pipelineId: string; model: string; asOf: number | null }): Promise<SnapshotSummary>;
}

export interface TrainingComputeActivities {
  /** Spine ⋈ features ⋈ label by the point-in-time rule, split and sampled, as Parquet. */
  buildTrainingDataset(input: { snapshot: ArtifactRef }): Promise<TrainingDatasetSummary>;
  /** Fits preprocessing and trees on the training part; writes the fused ONNX graph and golden rows. */
  trainModel(input: { snapshot: ArtifactRef; dataset: ArtifactRef }): Promise<TrainedModelSummary>;
  /** Scores holdout rows with the bundle's own graph, beside champion and baselines; judges the gates. */
  evaluateModel(input: {
    snapshot: ArtifactRef;
    dataset: ArtifactRef;
    trained: ArtifactRef;
  }): Promise<EvaluationSummary>;
}
