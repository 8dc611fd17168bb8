/**
 * Proof that a version computes its features alike offline and online: generated edge cases and real rows went through
 * the tables (point-in-time join and SQL) and through the serving code (look-up and the version's own graph).
 */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import type { Bundle } from './bundle.js';
import { canonicalJson } from './canonical-json.js';
import type { FeaturePlan } from './features.js';
import type { Sha256Hex } from './ids.js';
import { ColumnName, Name } from './names.js';

/** `edge`: generated from the plan; `observed`: rows of the spine at their own times. */
export const SkewCorpus = z.enum(['edge', 'observed']);
export type SkewCorpus = z.infer<typeof SkewCorpus>;

/** The first row on which both sides differ. Values are texts, so that −0, NaN and infinities survive JSON. */
export const SkewMismatch = z.strictObject({
  corpus: SkewCorpus,
  row: z.number().int().nonnegative(),
  batchRows: z.number().int().positive(),
  offline: z.string(),
  online: z.string(),
  /** Entity keys and time of an observed row; nothing of a generated one. */
  about: z.record(z.string(), z.string()),
  /** The inputs that the feature reads, as the tables joined them and as serving looked them up. */
  offlineInputs: z.record(z.string(), z.string()),
  onlineInputs: z.record(z.string(), z.string()),
});
export type SkewMismatch = z.infer<typeof SkewMismatch>;

export const FeatureSkew = z.strictObject({
  feature: ColumnName,
  expression: z.string(),
  /** `exact`: equal bits are required; `bounded`: at most `limitUlp` float32 values apart. */
  exactness: z.enum(['exact', 'bounded']),
  limitUlp: z.number().int().nonnegative(),
  comparisons: z.number().int().nonnegative(),
  mismatches: z.number().int().nonnegative(),
  /** Null where a value was missing on one side only. */
  maxUlp: z.number().int().nonnegative().nullable(),
  firstMismatch: SkewMismatch.nullable(),
});
export type FeatureSkew = z.infer<typeof FeatureSkew>;

export const SkewCertificate = z.strictObject({
  certificateVersion: z.literal(1),
  model: Name,
  /** Digest of the feature plan (see {@link planDigestOf}) and of the bytes of the graph that computes the features. */
  planDigest: z.string(),
  graphSha256: z.string(),
  corpora: z.array(z.strictObject({ corpus: SkewCorpus, rows: z.number().int().nonnegative() })),
  batchRows: z.array(z.number().int().positive()),
  engines: z.strictObject({ duckdb: z.string(), onnxruntime: z.string(), node: z.string() }),
  cpu: z.string(),
  features: z.array(FeatureSkew),
});
export type SkewCertificate = z.infer<typeof SkewCertificate>;

/** What a version's document keeps of its certificate. */
export const SkewSummary = z.strictObject({
  /** Digest of the certificate's content. */
  certificateId: z.string(),
  certificate: ArtifactRef,
  verdict: z.enum(['valid', 'invalid']),
  features: z.number().int().nonnegative(),
  comparisons: z.number().int().nonnegative(),
  mismatches: z.number().int().nonnegative(),
  problems: z.array(z.string()),
});
export type SkewSummary = z.infer<typeof SkewSummary>;

/** Digest of everything by which a graph computes features: inputs, datatypes, order, expressions, encodings. */
export function planDigestOf(plan: FeaturePlan, sha256Hex: Sha256Hex): string {
  return sha256Hex(canonicalJson(plan));
}

/** Enough to see what is wrong; the certificate has every feature. */
const MAX_PROBLEMS = 3;

/**
 * Follows from the counts alone: both corpora must have rows (a certificate that compared nothing proves nothing), each
 * feature must have been compared, and none may differ by more than its class allows.
 */
export function judgeSkew({ corpora, features }: Pick<SkewCertificate, 'corpora' | 'features'>): {
  readonly verdict: SkewSummary['verdict'];
  readonly problems: readonly string[];
} {
  const rowsOf = (corpus: SkewCorpus): number => corpora.find((each) => each.corpus === corpus)?.rows ?? 0;
  const problems = [
    ...SkewCorpus.options.filter((corpus) => rowsOf(corpus) === 0).map((corpus) => `no ${corpus} rows were compared`),
    ...(features.length === 0 ? ['no feature was compared'] : []),
    ...features.filter(({ comparisons }) => comparisons === 0).map(({ feature }) => `${feature} was never compared`),
    ...features.filter(({ mismatches }) => mismatches > 0).map(describeMismatch),
  ];
  return { verdict: problems.length === 0 ? 'valid' : 'invalid', problems: problems.slice(0, MAX_PROBLEMS) };
}

/** Why a certificate does not speak for this bundle; null if it does. */
export function foreignTo(
  { model, planDigest, graphSha256 }: Pick<SkewCertificate, 'model' | 'planDigest' | 'graphSha256'>,
  bundle: Pick<Bundle, 'model' | 'plan' | 'graphs'>,
  sha256Hex: Sha256Hex,
): string | null {
  if (model !== bundle.model) return `it was made for model ${model}`;
  if (graphSha256 !== bundle.graphs[0].sha256) return `it was made for graph ${graphSha256.slice(0, 12)}`;
  const own = planDigestOf(bundle.plan, sha256Hex);
  return planDigest === own ? null : `it was made for feature plan ${planDigest.slice(0, 12)}`;
}

function describeMismatch({ feature, mismatches, comparisons, limitUlp, firstMismatch }: FeatureSkew): string {
  const counts = `${feature}: ${mismatches} of ${comparisons} comparisons differ by more than ${limitUlp} ulp`;
  if (firstMismatch === null) return counts;
  const { corpus, row, batchRows, offline, online, about, offlineInputs, onlineInputs } = firstMismatch;
  const given = Object.entries({ ...about, ...offlineInputs }).map(([name, value]) => {
    const served = onlineInputs[name];
    return served === undefined || served === value ? `${name} ${value}` : `${name} ${value} (online ${served})`;
  });
  const where = `${corpus} row ${row} in batches of ${batchRows}`;
  return `${counts}; first ${where}: offline ${offline}, online ${online} (${given.join(', ')})`;
}
