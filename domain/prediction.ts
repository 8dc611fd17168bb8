/** Logged predictions and the labels that arrive later. */
import { z } from 'zod';
import type { ServedVector } from './served-vector.js';
import type { Micros } from './time.js';

export const LoggedTexts = z.record(z.string(), z.array(z.string()));
export type LoggedTexts = Readonly<Record<string, readonly string[]>>;

/**
 * Predictions of one serving instance under one route revision, in columns of equal length. `version` is 0 for a row
 * that no version could answer; its probability is NaN and its `error` 1.
 */
export interface PredictionBucket {
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
  readonly probability: Float32Array;
  readonly decision: Uint8Array;
  readonly latencyMs: Float32Array;
  readonly error: Uint8Array;
  /** Version → probability of the same rows when scored in shadow; NaN where it was not scored. */
  readonly shadow: Readonly<Record<string, Float32Array>>;
  /** FP32 model inputs by name, as the model saw them. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  /** BYTES model inputs by name, cut to what profiles compare texts by; "" where missing. Absent without any. */
  readonly texts?: LoggedTexts;
  /** Feature vectors of sampled rows, for recomputation. */
  readonly served?: readonly ServedVector[];
}

export const GroundTruth = z.strictObject({
  predictionId: z.string().min(1).max(100),
  /** The outcome: 1 or 0. */
  label: z.union([z.literal(0), z.literal(1)]),
  /** When the outcome could first be known, microseconds; now, where it is left out. */
  knownTs: z.number().int().optional(),
});
export type GroundTruth = z.infer<typeof GroundTruth>;

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
