/** What a model reads, frozen per version: its inputs in order, the features computed from them, and fitted encodings. */
import { z } from 'zod';
import type { FeatureType } from './feature-view.js';
import { ColumnName, Name } from './names.js';

/** Datatype of a feature as a model input. */
export const INPUT_DATATYPES = {
  float: 'FP32',
  double: 'FP32',
  integer: 'FP32',
  boolean: 'FP32',
  string: 'BYTES',
  timestamp: 'INT64',
} as const satisfies Record<FeatureType, 'FP32' | 'INT64' | 'BYTES'>;

/** One input tensor of a model's graph, and where its value comes from when a request is answered. */
export const ModelInput = z.strictObject({
  name: ColumnName,
  /**
   * FP32 uses NaN for a missing value; INT64 carries times in microseconds, {@link MISSING_TIME} for a missing one; BYTES
   * carries text, "" for a missing one.
   */
  datatype: z.enum(['FP32', 'INT64', 'BYTES']),
  nullable: z.boolean(),
  source: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('request'), column: ColumnName }),
    z.strictObject({ kind: z.literal('view'), view: Name, as: Name.optional(), feature: ColumnName }),
  ]),
});
export type ModelInput = z.infer<typeof ModelInput>;

/** A feature as an expression over the inputs; a bare input is just its name. */
export const ModelFeature = z.strictObject({ name: ColumnName, expression: z.string().min(1) });
export type ModelFeature = z.infer<typeof ModelFeature>;

/**
 * Ordinal encoding of a text input, fitted on the training split only: the code of a category is its position. The
 * reserved text "" means missing and becomes NaN; a text that training never saw becomes −1.
 */
export const CategoryEncoding = z.strictObject({ input: ColumnName, categories: z.array(z.string().min(1)) });
export type CategoryEncoding = z.infer<typeof CategoryEncoding>;

export const FeaturePlan = z.strictObject({
  inputs: z.array(ModelInput).min(1),
  features: z.array(ModelFeature).min(1),
  encodings: z.array(CategoryEncoding),
});
export type FeaturePlan = z.infer<typeof FeaturePlan>;
