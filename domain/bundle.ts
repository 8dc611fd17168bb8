/** What a version serves: ONNX graphs run in order, its signature, the features it reads and the numbers it was judged by. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { FeatureType } from './feature-view.js';
import { FeaturePlan } from './features.js';
import { ColumnName, Name } from './names.js';
import { Task } from './task.js';

/** A feature view as a version reads it: frozen keys and age limit, so that a later change of the view cannot skew it. */
export const FrozenView = z.strictObject({
  view: Name,
  /** Name of this use where a version reads the view by several keys. */
  as: Name.optional(),
  revision: z.number().int().nonnegative(),
  /** Entity keys in the order of the online key, and the request field that carries each. */
  keys: z.array(z.strictObject({ key: ColumnName, type: z.enum(['string', 'integer']), request: ColumnName })),
  features: z.array(ColumnName),
  /** How each feature is kept; `float` where none is given. */
  types: z.record(ColumnName, FeatureType).default({}),
  maxAgeMicros: z.number().int().nullable(),
});
export type FrozenView = z.infer<typeof FrozenView>;

/** A field callers send. Times travel as INT64 microseconds. */
export const RequestField = z.strictObject({
  name: ColumnName,
  datatype: z.enum(['FP32', 'INT64', 'BYTES']),
  nullable: z.boolean(),
});
export type RequestField = z.infer<typeof RequestField>;

export const Bundle = z.strictObject({
  bundleVersion: z.literal(2),
  model: Name,
  task: Task,
  /** Names of a multiclass model's classes in the order of its scores; empty otherwise. */
  classes: z.array(z.string()),
  /** The first computes the features, the last answers the outputs of the task (see `taskOutputs`). */
  graphs: z.tuple([ArtifactRef], ArtifactRef),
  /** Everything a caller may send: entity keys and request fields, in order. */
  request: z.array(RequestField),
  /** Request field that holds the event time. */
  eventTime: ColumnName,
  views: z.array(FrozenView),
  plan: FeaturePlan,
  /** Probability at or above which a binary decision is 1; without meaning for other tasks. */
  decisionThreshold: z.number().min(0).max(1),
  /** Rows with the answers training-time scoring gave: what serving must reproduce. See {@link GoldenRows}. */
  goldenRows: ArtifactRef,
  /** What windows are compared with: inputs of training, predictions of the holdout. See `ModelProfile`. */
  referenceProfile: ArtifactRef,
});
export type Bundle = z.infer<typeof Bundle>;

/** Model inputs (after feature look-up) and the scores the training side computed for them. */
export const GoldenRows = z.strictObject({
  /** One array per input of the plan, aligned. FP32 uses null for a missing value. */
  inputs: z.record(z.string(), z.array(z.union([z.number(), z.string(), z.null()]))),
  /** The request fields of the same rows. */
  request: z.record(z.string(), z.array(z.union([z.number(), z.string(), z.null()]))),
  /** Row-major rows × width of the task's scores, as float32. */
  scores: z.array(z.number()),
  width: z.number().int().positive(),
});
export type GoldenRows = z.infer<typeof GoldenRows>;
