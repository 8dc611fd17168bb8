/** Logged predictions and the labels that arrive later. */
import { z } from 'zod';
import type { ServedVector } from './served-vector.js';
import { type Task, type TaskShape, scoreWidth } from './task.js';
import type { Micros } from './time.js';

export const LoggedTexts = z.record(z.string(), z.array(z.string()));
export type LoggedTexts = Readonly<Record<string, readonly string[]>>;

/**
 * Predictions of one serving instance under one route revision, in columns of equal length; scores have as many values
 * a row as the task and its classes say. `version` is 0 for a row that no version could answer; its scores are NaN and
 * its `error` 1.
 */
export interface PredictionBucket extends TaskShape {
  readonly bucketId: string;
  readonly endpoint: string;
  readonly model: string;
  readonly instanceId: string;
  readonly routeRev: number;
  readonly minEventTs: Micros;
  readonly maxEventTs: Micros;
  readonly loggedTs: Micros;
  readonly predictionIds: readonly string[];
  readonly eventTs: Float64Array;
  readonly version: Int32Array;
  /** Row-major: probability of 1, probability of each class, or the predicted value. */
  readonly scores: Float32Array;
  /** 0 or 1, or the position of the class; 0 for a regression. */
  readonly decision: Uint16Array;
  readonly latencyMs: Float32Array;
  readonly error: Uint8Array;
  /** Version → scores of the same rows in shadow; NaN where it did not score one. */
  readonly shadow: Readonly<Record<string, Float32Array>>;
  /** FP32 model inputs by name, as the model saw them. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  /** BYTES model inputs by name, cut to what profiles compare texts by; "" where missing. Absent without any. */
  readonly texts?: LoggedTexts;
  /** Feature vectors of sampled rows, for recomputation. */
  readonly served?: readonly ServedVector[];
}

/** A finite number, or the name of a class; truth values and whole numbers name classes too. */
export const Label = z.union([z.number(), z.string().min(1).max(1_000), z.boolean()]);
export type Label = z.infer<typeof Label>;

/** An outcome as it is kept: a number, or the name of a class. */
export type Outcome = number | string;

export const GroundTruth = z.strictObject({
  predictionId: z.string().min(1).max(100),
  /** The outcome: 1 or 0, the name of a class, or a value. */
  label: Label,
  /** When the outcome could first be known, microseconds; now, where it is left out. */
  knownTs: z.number().int().optional(),
});
export type GroundTruth = z.infer<typeof GroundTruth>;

/** The outcome that a task takes a label for; null where it takes none such. */
export function outcomeOf(task: Task, label: Label): Outcome | null {
  if (task === 'multiclass') return typeof label === 'number' && !Number.isInteger(label) ? null : String(label);
  if (typeof label === 'string') return null;
  const value = Number(label);
  return task === 'regression' || value === 0 || value === 1 ? value : null;
}

/** What {@link outcomeOf} takes, in words. */
export const EXPECTED_LABELS: Readonly<Record<Task, string>> = {
  binary: '1 or 0',
  multiclass: 'the name of a class',
  regression: 'a number',
};

/** Scores of one row, or null where it was not scored. */
export function scoresOfRow(scores: Float32Array | undefined, row: number, shape: TaskShape): Float32Array | null {
  const width = scoreWidth(shape);
  const found = scores?.subarray(row * width, (row + 1) * width);
  return found === undefined || found.length < width || found.some(Number.isNaN) ? null : found;
}

/** What a serving instance says about itself every second. */
export const ServingInstance = z.strictObject({
  instanceId: z.string(),
  url: z.string(),
  heartbeatTs: z.number().int(),
  /** Endpoint → route revision this instance has applied. */
  appliedRevs: z.record(z.string(), z.number().int()),
  /** Endpoint → lowest event time not yet written to the prediction log; absent when all is written. */
  unflushed: z.record(z.string(), z.number().int()),
  counters: z.strictObject({ logged: z.number().int(), dropped: z.number().int(), failed: z.number().int() }),
});
export type ServingInstance = z.infer<typeof ServingInstance>;

/** An instance silent for longer no longer holds back the watermark or a rollout step. */
export const INSTANCE_SILENT_AFTER_MICROS = 30_000_000;
