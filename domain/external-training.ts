/** What a trainer outside the compute pool is asked for, and what it answers: references and small numbers only. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { CommandLimits, TrainerParameters } from './trainer.js';
import { MAX_CLASSES, Task } from './task.js';

/** A column of the trainer's data: FP32, NaN where missing; codes of a category where `categorical`, −1 unseen. */
export const TrainerFeature = z.strictObject({ name: z.string(), categorical: z.boolean() });
export type TrainerFeature = z.infer<typeof TrainerFeature>;

export const TrainerRequest = z.strictObject({
  runId: z.string(),
  /** Name that the Python worker registered, or key of the command's allow-list entry. */
  trainer: z.string(),
  parameters: TrainerParameters,
  seed: z.number().int().nonnegative(),
  task: Task,
  classes: z.array(z.string()).max(MAX_CLASSES),
  features: z.array(TrainerFeature),
  /** Parquet of the training part: one column for each feature, `label`, `weight` where declared, `event_ts`. */
  data: ArtifactRef,
  /** Rows from the start of `data` whose predictions the answer must bring. */
  sampleRows: z.number().int().positive(),
  /** Of a command. */
  limits: CommandLimits.optional(),
});
export type TrainerRequest = z.infer<typeof TrainerRequest>;

export const TrainerAnswer = z.strictObject({
  onnx: ArtifactRef,
  /** Names of the model's outputs that carry scores and, where it has one, the decision. */
  outputs: z.strictObject({ scores: z.string(), decision: z.string().optional() }),
  metrics: z.record(z.string(), z.number()),
  /** Interpreter and packages with versions. */
  environment: z.record(z.string(), z.string()),
  /** SHA-256 over the trainer's own code. */
  trainerDigest: z.string(),
  /** Parquet with the estimator's own scores of the sample rows. */
  samplePredictions: ArtifactRef,
});
export type TrainerAnswer = z.infer<typeof TrainerAnswer>;
