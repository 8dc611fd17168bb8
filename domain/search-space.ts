/** What a search for parameters may try, how long, and on which rows it judges. */
import { z } from 'zod';
import { Duration } from './duration.js';

/** Proposed trials of one search: keeps the history of a pipeline far below what Temporal bears. */
export const MAX_TRIALS = 500;
/** Trials that may be under way at once where the spec names no number. The free compute slots bound it as well. */
const DEFAULT_PARALLEL = 4;
/** Values of one parameter that a list may name, or a grid take. */
const MAX_CHOICES = 100;

export const ParameterValue = z.union([z.number(), z.string(), z.boolean()]);
export type ParameterValue = z.infer<typeof ParameterValue>;

/** Values without an order. */
export const ParameterChoices = z.array(ParameterValue).min(1).max(MAX_CHOICES);
export type ParameterChoices = z.infer<typeof ParameterChoices>;

/** Numbers from `min` to `max`, both included; `log` draws evenly over orders of magnitude. */
export const ParameterRange = z.strictObject({
  min: z.number(),
  max: z.number(),
  scale: z.enum(['linear', 'log']).default('linear'),
  type: z.enum(['float', 'int']).default('float'),
  /** Points that a grid takes, evenly on the scale; a grid takes every whole number without it. */
  steps: z.number().int().min(2).max(MAX_CHOICES).optional(),
});
export type ParameterRange = z.infer<typeof ParameterRange>;

export const SearchSpace = z.record(z.string().min(1).max(100), z.union([ParameterChoices, ParameterRange]));
export type SearchSpace = z.infer<typeof SearchSpace>;
export type ParameterSpace = SearchSpace[string];

/** What trials are compared by, on inner validation; the lower the better. */
export const SearchMetric = z.enum(['log_loss', 'brier', 'rmse', 'mae']);
export type SearchMetric = z.infer<typeof SearchMetric>;

/** Part of the training rows that no trial is fitted on: the last stretch of them, or a share. */
export const InnerValidation = z.union([
  z.strictObject({ share: z.number().gt(0).lte(0.5) }),
  z.strictObject({ last: Duration }),
]);
export type InnerValidation = z.infer<typeof InnerValidation>;

export const SearchSpec = z.strictObject({
  method: z.enum(['tpe', 'random', 'grid']).default('tpe'),
  /** Proposals beside the declared parameters, which are trial 0. */
  trials: z.number().int().min(1).max(MAX_TRIALS),
  parallel: z.number().int().min(1).max(64).default(DEFAULT_PARALLEL),
  /** Wall time after which no trial goes on but that of the declared parameters. */
  timeBudget: Duration.optional(),
  over: SearchSpace,
  validation: InnerValidation.default({ share: 0.2 }),
  /** Log loss of classes and RMSE of values where none is named. */
  metric: SearchMetric.optional(),
  /** Ends the search when so many trials in a row brought nothing better. */
  patience: z.number().int().min(1).max(MAX_TRIALS).optional(),
});
export type SearchSpec = z.infer<typeof SearchSpec>;

export function isRange(space: ParameterSpace): space is ParameterRange {
  return !Array.isArray(space);
}

/** Different combinations of values, or null where there is no end of them. */
export function combinationsOf(space: SearchSpace): number | null {
  let combinations = 1;
  for (const parameter of Object.values(space)) {
    const count = countOf(parameter);
    if (count === null) return null;
    combinations *= count;
  }
  return combinations;
}

function countOf(space: ParameterSpace): number | null {
  if (!isRange(space)) return new Set(space).size;
  const { min, max, type } = space;
  if (min === max) return 1;
  return type === 'int' ? max - min + 1 : null;
}
