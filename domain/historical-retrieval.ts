/** Historical retrieval: the features of past moments, asked for by name and kept as a file that the same request gives again. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { FrozenView, RequestField } from './bundle.js';
import { DomainError } from './errors.js';
import { FeatureType } from './feature-view.js';
import { FeaturePlan } from './features.js';
import { ViewReference } from './model.js';
import { ColumnName, Name } from './names.js';
import { FeatureServiceReference } from './online-features.js';

/** Rows that a request may carry itself; more come as a dataset or a file. */
export const MAX_INLINE_ROWS = 10_000;

const Time = z.union([z.number().int(), z.string().max(40)]);
const Scalar = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]);

/** The rows that are asked about. */
export const RetrievalSpine = z.union([
  z.strictObject({
    dataset: Name,
    /** The newest where it is left out. */
    version: z.string().max(100).optional(),
    /** Only rows of this stretch of event time, both ends inside: microseconds or ISO 8601. */
    from: Time.optional(),
    to: Time.optional(),
  }),
  z.strictObject({
    /** A file on the worker, inside an allowed folder, or an https: address of an allowed host. */
    source: z.string().min(1).max(2_000),
  }),
  z.strictObject({
    rows: z
      .array(z.record(z.string().min(1).max(100), Scalar))
      .min(1)
      .max(MAX_INLINE_ROWS),
  }),
]);
export type RetrievalSpine = z.infer<typeof RetrievalSpine>;

export const RetrievalKnowledge = z.enum(['as-known', 'latest']);

export const HistoricalRequest = z
  .strictObject({
    spine: RetrievalSpine,
    /** Column of the spine with the time of each question; of a dataset its event time, otherwise `event_ts`. */
    timeColumn: z.string().min(1).max(100).optional(),
    /** `view:feature`, `view` for all of its features, or an object where a view is read by other keys under an alias. */
    features: z
      .array(z.union([z.string().min(1).max(200), ViewReference]))
      .min(1)
      .max(1_000)
      .optional(),
    /** The features that one model version reads, computed ones included. */
    featureService: FeatureServiceReference.optional(),
    /** Of these features only the named ones, in this order. */
    outputs: z
      .array(ColumnName)
      .min(1)
      .max(1_000)
      .refine((names) => new Set(names).size === names.length, 'expected each name once')
      .optional(),
    /** `view__feature` in place of bare names. */
    fullNames: z.boolean().default(false),
    /** `latest` also uses what became known after each question: it leaks, and the answer says so. */
    knowledge: RetrievalKnowledge.default('as-known'),
  })
  .superRefine(({ features, featureService }, context) => {
    if ((features === undefined) === (featureService === undefined))
      context.addIssue({ code: 'custom', message: 'expected exactly one of `features` and `featureService`' });
  });
export type HistoricalRequest = z.infer<typeof HistoricalRequest>;

/** One column of the answer beside those of the spine. */
export const RetrievedFeature = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('view'),
    name: ColumnName,
    type: FeatureType,
    /** Which of the plan's views. */
    use: z.number().int().nonnegative(),
    feature: ColumnName,
  }),
  z.strictObject({ kind: z.literal('request'), name: ColumnName, type: FeatureType, field: ColumnName }),
  z.strictObject({ kind: z.literal('computed'), name: ColumnName, type: FeatureType }),
]);
export type RetrievedFeature = z.infer<typeof RetrievedFeature>;

/** A view with the rows that the answer is made of: what is materialised later changes nothing. */
export const RetrievedView = FrozenView.extend({
  throughSeq: z.number().int().nonnegative(),
  chunks: z.array(ArtifactRef),
  /** True where rows of some chunks say when they were taken away. */
  withdraws: z.boolean().default(false),
});
export type RetrievedView = z.infer<typeof RetrievedView>;

/** Where the spine's rows are read. */
export const PinnedSpine = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('dataset'),
    dataset: Name,
    revision: z.number().int(),
    versionId: z.string(),
    from: z.number().int().nullable(),
    to: z.number().int().nullable(),
  }),
  z.strictObject({ kind: z.literal('source'), source: z.string() }),
  z.strictObject({ kind: z.literal('rows') }),
]);
export type PinnedSpine = z.infer<typeof PinnedSpine>;

/** Everything that decides the answer but the rows of a spine that is no dataset. */
export const RetrievalPlan = z.strictObject({
  spine: PinnedSpine,
  timeColumn: z.string(),
  knowledge: RetrievalKnowledge,
  service: z.strictObject({ model: Name, version: z.number().int() }).nullable(),
  views: z.array(RetrievedView),
  features: z.array(RetrievedFeature),
  /** What the spine must have beside keys and time. */
  fields: z.array(RequestField),
  /** The plan of the features of kind `computed`, in their order; null without any. */
  computed: FeaturePlan.nullable(),
});
export type RetrievalPlan = z.infer<typeof RetrievalPlan>;

export const RetrievalResult = z.strictObject({
  /** The same for the same request on the same versions. */
  resultId: z.string(),
  /** Parquet: the columns of the spine, then the features; rows in the order of the spine. */
  table: ArtifactRef,
  rows: z.number().int(),
  /** How many rows have no value, by feature. */
  features: z.array(z.strictObject({ name: ColumnName, type: FeatureType, nulls: z.number().int() })),
  /** Rows of the spine whose key or time is missing or does not fit: they are kept, without values. */
  unusable: z.array(z.strictObject({ column: z.string(), rows: z.number().int() })),
});
export type RetrievalResult = z.infer<typeof RetrievalResult>;

export const Retrieval = z.strictObject({
  retrievalId: z.string(),
  requestedBy: z.string(),
  state: z.enum(['running', 'completed', 'failed']),
  knowledge: RetrievalKnowledge,
  /** True where the answer may know what nobody could have known at the time. */
  leaks: z.boolean(),
  request: ArtifactRef,
  /** Null until it is pinned. */
  plan: ArtifactRef.nullable(),
  result: RetrievalResult.nullable(),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  startedTs: z.number().int(),
  endedTs: z.number().int().nullable(),
});
export type Retrieval = z.infer<typeof Retrieval>;

/** Features of a plan by name. Throws `PRN_FEATURE_OUTPUT_UNKNOWN`, which names all that there are not. */
export function projectFeatures(
  features: readonly RetrievedFeature[],
  outputs: readonly string[] | undefined,
): RetrievedFeature[] {
  if (outputs === undefined) return [...features];
  const known = features.map(({ name }) => name);
  const missing = outputs.filter((name) => !known.includes(name));
  if (missing.length > 0)
    throw new DomainError('PRN_FEATURE_OUTPUT_UNKNOWN', { missing: missing.join(', '), known: known.join(', ') });
  return outputs.flatMap((wanted) => features.find(({ name }) => name === wanted) ?? []);
}

/** Throws `PRN_SPINE_INVALID` where a feature would be called like a column of the spine that is not itself. */
export function requireFreeOutputs(
  features: readonly RetrievedFeature[],
  spine: { readonly name: string; readonly columns: readonly string[] },
): void {
  const taken = new Set(spine.columns.map((column) => column.toLowerCase()));
  const clash = features.find((feature) => !isColumnItself(feature) && taken.has(feature.name.toLowerCase()));
  if (clash === undefined) return;
  const problem = `its column ${clash.name} has the name of a feature; rename it, or ask for full names`;
  throw new DomainError('PRN_SPINE_INVALID', { path: spine.name, problem, columns: spine.columns.join(', ') });
}

/** A request field under its own name is a column of the spine already. */
export function isColumnItself(feature: RetrievedFeature): boolean {
  return feature.kind === 'request' && feature.field === feature.name;
}
