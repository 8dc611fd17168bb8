/** What a fitted model says of itself: what it owes to its features, or its coefficients. Bounded, for reports. */
import { z } from 'zod';

/** Of features or coefficients so many are kept, those that say most; how many there are is told beside. */
export const KEPT_TERMS = 50;

export const FeatureShare = z.strictObject({
  feature: z.string(),
  /** Of what all splits took from the training loss, 0 to 1. */
  share: z.number(),
});
export type FeatureShare = z.infer<typeof FeatureShare>;

export const CoefficientReport = z.strictObject({
  /** `distance`, `carrier = AA`, `distance missing` or `intercept`; with ` → class` where there are several raw scores. */
  term: z.string(),
  /** Per unit of the feature, in raw score: log-odds of a classification, units of the label of a regression. */
  estimate: z.number(),
  /** Null where the term is constant or follows from others. With a ridge it tells the spread, not the bias. */
  standardError: z.number().nullable(),
  /** Two-sided, of the hypothesis that the coefficient is 0. */
  pValue: z.number().nullable(),
});
export type CoefficientReport = z.infer<typeof CoefficientReport>;

export const ModelFit = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('trees'),
    trees: z.number().int().nonnegative(),
    /** Features that some split asks for. */
    usedFeatures: z.number().int().nonnegative(),
    /** By gain, greatest share first. */
    importance: z.array(FeatureShare).max(KEPT_TERMS),
  }),
  z.strictObject({
    kind: z.literal('linear'),
    terms: z.number().int().nonnegative(),
    /** Farthest from 0 by their standard error first, those without one last. */
    coefficients: z.array(CoefficientReport).max(KEPT_TERMS),
    iterations: z.number().int().nonnegative(),
    converged: z.boolean(),
  }),
]);
export type ModelFit = z.infer<typeof ModelFit>;
