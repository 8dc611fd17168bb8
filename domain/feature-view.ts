/** Entities and feature views: values computed once from a dataset and read alike by training and serving. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { Duration, durationMicros } from './duration.js';
import { ColumnName, Name } from './names.js';

export const EntityKey = z.strictObject({ name: ColumnName, type: z.enum(['string', 'integer']) });
export type EntityKey = z.infer<typeof EntityKey>;

export const EntitySpec = z.strictObject({
  keys: z.array(EntityKey).min(1).max(4),
  description: z.string().optional(),
});
export type EntitySpec = z.infer<typeof EntitySpec>;

/** An aggregate over the rows of one key whose event time lies in `[cut − lag − window, cut − lag)`. */
export const WindowedFeature = z.strictObject({
  name: ColumnName,
  /** `rate` is the share of rows for which the expression is true; `count` needs no expression. */
  aggregate: z.enum(['count', 'sum', 'avg', 'min', 'max', 'rate']),
  expression: z.string().min(1).optional(),
  window: Duration,
});
export type WindowedFeature = z.infer<typeof WindowedFeature>;

export const FeatureViewSpec = z.strictObject({
  dataset: Name,
  entity: Name,
  /** Entity key → column of the dataset. */
  keys: z.record(ColumnName, ColumnName),
  features: z.array(WindowedFeature).min(1),
  /** When rows are computed: every `every`, at `offset` after a multiple of it (UTC). */
  cuts: z.strictObject({ every: Duration, offset: Duration.default('0s') }),
  /** How far before the cut the windows end, for data that becomes known late. */
  lag: Duration.default('0s'),
  /** Time until a computed row can be served; added to `known_ts`. */
  servingDelay: Duration.default('0s'),
  /** A row older than this at request time reads as missing, offline and online alike. */
  maxAge: Duration.optional(),
});
export type FeatureViewSpec = z.infer<typeof FeatureViewSpec>;

/** Largest window of a view in microseconds: how far back a cut reads. */
export function longestWindowMicros(view: FeatureViewSpec): number {
  return Math.max(...view.features.map((feature) => durationMicros(feature.window)));
}

/** One materialised stretch of cuts: the feature rows as Parquet (keys, `event_ts`, `known_ts`, `seq`, features). */
export const MaterializationChunk = z.strictObject({
  view: Name,
  chunkId: z.string(),
  /** Order in which chunks were committed; a later chunk wins over an earlier one for the same key and cut. */
  seq: z.number().int().positive(),
  commitSeq: z.number().int().positive(),
  datasetVersionId: z.string(),
  viewRevision: z.number().int(),
  /** First and last cut (inclusive), microseconds. */
  fromCut: z.number().int(),
  toCut: z.number().int(),
  rows: z.number().int(),
  table: ArtifactRef,
});
export type MaterializationChunk = z.infer<typeof MaterializationChunk>;

/** Status of a served feature value, told apart so that callers need not guess. */
export const FeatureStatus = z.enum(['PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE']);
export type FeatureStatus = z.infer<typeof FeatureStatus>;
