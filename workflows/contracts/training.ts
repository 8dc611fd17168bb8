/** Activities from snapshot to gate verdict. References travel; the content lies in artefacts. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { ExternalRun } from '../../domain/external-training.js';
import type { TrainerSpec } from '../../domain/trainer.js';

export interface SnapshotSummary {
  /** JSON artefact with the `TrainingSnapshot`. */
  readonly snapshot: ArtifactRef;
  readonly modelRevision: number;
  readonly championVersion: number | null;
  readonly aliasRevision: number;
  readonly endpoint: string;
  /** Absent in histories from before there were several. */
  readonly trainerKind?: TrainerSpec['kind'];
  /** True where a search chooses the parameters. */
  readonly searches?: boolean;
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
}

export type HeadlineMetrics = Readonly<Record<string, number>>;

export interface EvaluationSummary {
  /** JSON artefact with the `EvaluatedModel`. */
  readonly evaluated: ArtifactRef;
  /** JSON artefact with the `TrainedModel` whose bundle has its final threshold and reference profile. */
  readonly trained: ArtifactRef;
  readonly outcome: 'passed' | 'rejected';
  readonly reasons: readonly string[];
  /** What people look at first, by field name of the task's metrics; the first one is the primary metric. */
  readonly metrics: HeadlineMetrics;
  readonly championMetrics: HeadlineMetrics | null;
  /** One readable line per gate, for the status card. */
  readonly gateLines: readonly string[];
}

export interface TrainingActivities {
  /** Pins dataset versions, view chunks, spec revision, split bounds and champion. `asOf` null means now. */
  snapshotInputs(input: { pipelineId: string; model: string; asOf: number | null }): Promise<SnapshotSummary>;
}

/** What a training reads. */
export interface TrainingReads {
  readonly snapshot: ArtifactRef;
  readonly dataset: ArtifactRef;
  /** JSON artefact with the `SearchReport`, where a search chose the parameters. */
  readonly search?: ArtifactRef;
}

export interface TrainingComputeActivities {
  /** Spine ⋈ features ⋈ label by the point-in-time rule, split and sampled, as Parquet. */
  buildTrainingDataset(input: { snapshot: ArtifactRef }): Promise<TrainingDatasetSummary>;
  /** Fits preprocessing and a built-in trainer on the training part; writes the fused ONNX graph and golden rows. */
  trainModel(input: TrainingReads): Promise<TrainedModelSummary>;
  /** Scores holdout rows with the bundle's own graph, beside champion and baselines; judges the gates. */
  evaluateModel(input: {
    snapshot: ArtifactRef;
    dataset: ArtifactRef;
    trained: ArtifactRef;
  }): Promise<EvaluationSummary>;
}

/** Trainers outside the compute pool. What they write is checked and bundled before anything else sees it. */
export interface ExternalTrainingActivities {
  /** Writes the training part as features after expressions, and says what the trainer is asked for. */
  prepareTrainerData(input: TrainingReads & { pipelineId: string }): Promise<ExternalRun>;
  /** Fits with a trainer of the Python worker; on its own task queue. `answer` is a JSON artefact (`TrainerAnswer`). */
  trainExternal(run: ExternalRun): Promise<{ answer: ArtifactRef }>;
  /** Fits with an allow-listed command under its limits. */
  trainByCommand(run: ExternalRun): Promise<{ answer: ArtifactRef }>;
  /** Checks the answer against the request and makes a bundle of it: prefix, the trainer's model, suffix. */
  adoptTrainedModel(input: TrainingReads & { run: ExternalRun; answer: ArtifactRef }): Promise<TrainedModelSummary>;
}
