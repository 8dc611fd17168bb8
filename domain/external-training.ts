/** What a trainer outside the compute pool is asked for and what it answers. Both are kept as JSON artefacts. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { MAX_CLASSES, Task } from './task.js';
import { CommandLimits, TrainerParameters } from './trainer.js';

/** A column of the trainer's data: FP32, NaN where missing; codes of a category where `categorical`, −1 unseen. */
export const TrainerFeature = z.strictObject({ name: z.string(), categorical: z.boolean() });
export type TrainerFeature = z.infer<typeof TrainerFeature>;

/** Rows whose predictions an answer has to bring. */
export const SAMPLE_ROWS = 256;

export const TrainerRequest = z.strictObject({
  requestVersion: z.literal(1),
  runId: z.string(),
  /** Name that the Python worker registered, or key of the command's allow-list entry. */
  trainer: z.string(),
  parameters: TrainerParameters,
  seed: z.number().int().nonnegative(),
  task: Task,
  classes: z.array(z.string()).max(MAX_CLASSES),
  features: z.array(TrainerFeature).min(1),
  /** Parquet of the training part: a REAL column for each feature, `label` and `:weight` DOUBLE, `event_ts` BIGINT. */
  data: ArtifactRef,
  /** Positions in `data` of the rows whose predictions the answer must bring, ascending. */
  sample: z.array(z.number().int().nonnegative()).min(1).max(SAMPLE_ROWS),
  /** Of a command. */
  limits: CommandLimits.optional(),
});
export type TrainerRequest = z.infer<typeof TrainerRequest>;

/** How a trainer that shares no disk with the installation reaches the files of its run, and those only. */
export const RunFileAccess = z.strictObject({ url: z.url(), token: z.string() });
export type RunFileAccess = z.infer<typeof RunFileAccess>;

/** What travels to a trainer. The rest is behind the reference. */
export const ExternalRun = z.strictObject({
  runId: z.string(),
  /** JSON artefact with the `TrainerRequest`. */
  request: ArtifactRef,
  /** Null where no address is configured. */
  files: RunFileAccess.nullable(),
  /** Of a command: wall time of one attempt. Absent in histories from before it was told. */
  wallMs: z.number().positive().optional(),
});
export type ExternalRun = z.infer<typeof ExternalRun>;

/** Predictions of the sample rows by the fitted estimator itself: the probability of 1, of each class, or the value. */
export const SamplePredictions = z.strictObject({ predictions: z.array(z.array(z.number())) });
export type SamplePredictions = z.infer<typeof SamplePredictions>;

export const TrainerAnswer = z.strictObject({
  onnx: ArtifactRef,
  /** Output of the model that carries the scores. */
  output: z.string().min(1),
  /** JSON artefact with the `SamplePredictions`; null where a command leaves none, so that nothing can be compared. */
  samplePredictions: ArtifactRef.nullable(),
  /** Whether the sample was predicted by the estimator, or by the ONNX model where there is no other. */
  predictedBy: z.string(),
  environment: z.strictObject({ python: z.string().optional(), packages: z.record(z.string(), z.string()) }),
  /** Reported while it trained, in order: `step` and the metrics of that step. */
  metrics: z.array(z.record(z.string(), z.number())),
  /** Standard error of the attempt. */
  log: ArtifactRef.nullable(),
  attempt: z.number().int().positive(),
  /** SHA-256 over the trainer's own code. */
  trainerDigest: z.string(),
});
export type TrainerAnswer = z.infer<typeof TrainerAnswer>;

/** Which code fitted a version outside the compute pool, and what it was asked and answered. */
export const TrainerLineage = z.strictObject({
  name: z.string(),
  /** `trainerDigest` of the answer. */
  digest: z.string(),
  environment: TrainerAnswer.shape.environment,
  request: ArtifactRef,
  answer: ArtifactRef,
});
export type TrainerLineage = z.infer<typeof TrainerLineage>;

/** Where a heart-beat of a trainer says that another attempt can go on. */
export const TrainerCheckpoint = z.object({ checkpoint: ArtifactRef.nullable() });

/** Probabilities may differ by so much between estimator and ONNX; values by so much of themselves and of the median size. */
export const AGREEMENT_TOLERANCE = 1e-5;
/** Values may differ by so much of the mean size in any case: some eight roundings to float32. */
export const MEAN_TOLERANCE = 1e-6;
