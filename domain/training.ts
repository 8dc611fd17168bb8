/** What a training run pins down before it reads a row, and what it hands on between its steps. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { Bundle } from './bundle.js';
import { Evidence } from './evaluation.js';
import { TrainerLineage } from './external-training.js';
import { EntitySpec, FeatureType, FeatureViewSpec } from './feature-view.js';
import { ModelFit } from './model-fit.js';
import { ModelSpec } from './model.js';
import { ColumnName, Name } from './names.js';
import { SearchLineage } from './search.js';
import { SplitBounds } from './split.js';
import { TrainerParameters } from './trainer.js';

export const PinnedView = z.strictObject({
  view: Name,
  revision: z.number().int(),
  spec: FeatureViewSpec,
  /** Null where the view's values hold for everybody. */
  entity: EntitySpec.nullable(),
  /** How each feature is kept. */
  types: z.record(ColumnName, FeatureType).default({}),
  /** Chunks up to this `seq` belong to the snapshot. */
  throughSeq: z.number().int(),
  /** Of chunks that read the dataset, only those of the rows that stand since this commit: see `chunksAsOf`. */
  sinceSeq: z.number().int().nonnegative().default(1),
  /** Empty where all rows were pushed. */
  datasetVersionId: z.string(),
});
export type PinnedView = z.infer<typeof PinnedView>;

/** Everything a run reads, fixed: the same snapshot and code give the same bundle digest. */
export const TrainingSnapshot = z.strictObject({
  pipelineId: z.string(),
  model: Name,
  modelRevision: z.number().int(),
  spec: ModelSpec,
  spine: z.strictObject({
    dataset: Name,
    revision: z.number().int(),
    versionId: z.string(),
    commitSeq: z.number().int(),
  }),
  views: z.array(PinnedView),
  /** Nothing known after this moment is read, microseconds. */
  asOf: z.number().int(),
  split: SplitBounds,
  champion: z.strictObject({ version: z.number().int().positive() }).nullable(),
  aliasRevision: z.number().int().nonnegative(),
  knowledge: z.enum(['declared', 'observed']),
});
export type TrainingSnapshot = z.infer<typeof TrainingSnapshot>;

/** Rows that were left out, by reason, over both parts. */
export const RefusedRows = z.strictObject({
  /** The weight is missing, not above 0, or no finite number. */
  weight: z.number().int().nonnegative(),
  /** The label is no finite number, or no class. */
  label: z.number().int().nonnegative(),
  /** The holdout's label is a class that training never saw. */
  unknownClass: z.number().int().nonnegative(),
  /** The column that decides the side of the split is missing. */
  splitKey: z.number().int().nonnegative(),
});
export type RefusedRows = z.infer<typeof RefusedRows>;

/** Of rows whose label is none that the task takes, or a class that training never saw, so many may be left out. */
export const TOLERATED_LABEL_SHARE = 0.01;

/**
 * Rows with `event_ts` (BIGINT µs), `label` (DOUBLE: 0 or 1, position of the class, or the value), `:weight`
 * (DOUBLE) where the model declares one, `:group` (VARCHAR) where the split is by group, `:inner` (DOUBLE) where a
 * search puts groups or keys aside, and one column per model input (FP32 REAL
 * with NaN for null, INT64 BIGINT, BYTES VARCHAR), ordered by event time and spine position.
 */
export const TrainingDataset = z.strictObject({
  train: ArtifactRef,
  holdout: ArtifactRef,
  trainRows: z.number().int(),
  holdoutRows: z.number().int(),
  /** Of a multiclass model: the labels of its training part as text, by code unit; a label is a position among them. */
  classes: z.array(z.string()).default([]),
  refused: RefusedRows.default({ weight: 0, label: 0, unknownClass: 0, splitKey: 0 }),
  digest: z.string(),
});
export type TrainingDataset = z.infer<typeof TrainingDataset>;

/** The result of training, kept as an artefact; evaluation completes the bundle's threshold and profile. */
export const TrainedModel = z.strictObject({
  bundle: Bundle,
  bundleDigest: z.string(),
  /** Of a model that was not fitted in the compute pool. */
  trainer: TrainerLineage.optional(),
  /** Where a search chose the parameters. */
  search: SearchLineage.extend({ parameters: TrainerParameters }).optional(),
  /** Of trees and linear models that were fitted in the compute pool. */
  fit: ModelFit.optional(),
  /**
   * Of a rolling origin: row-major float32 scores of the holdout's rows, each by the model of its fold. The bundle is the
   * model of the last fold.
   */
  foldScores: ArtifactRef.optional(),
});
export type TrainedModel = z.infer<typeof TrainedModel>;

export const EvaluatedModel = z.strictObject({ evidence: Evidence, evidenceDigest: z.string() });
export type EvaluatedModel = z.infer<typeof EvaluatedModel>;
