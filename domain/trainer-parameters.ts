/** Parameters of the built-in trainers by kind. */
import { z } from 'zod';
import { DomainError } from './errors.js';
import { GbdtParameters } from './gbdt-parameters.js';
import type { BuiltInTrainer } from './trainer.js';

export const LinearParameters = z.strictObject({
  /** Ridge penalty ½·l2·‖w‖² on standardised coefficients, next to the summed loss; intercepts are not penalised. */
  l2: z.number().min(0).default(1),
  maxIterations: z.number().int().min(1).max(10_000).default(500),
  /** Categories of a text feature that get a coefficient, the most frequent ones; the others share the intercept. */
  maxCategories: z.number().int().min(1).max(254).default(50),
});
export type LinearParameters = z.infer<typeof LinearParameters>;

export const BaselineParameters = z.strictObject({
  /**
   * `majority`: shares of the classes. `mean`, `median`: of the values. `last`: the last label in time, of each value of
   * `column` if that is named. `rateBy`: mean label (or shares of classes) by value of `column`. `seasonal`: the same by
   * two features, the hour and the weekday.
   */
  method: z.enum(['majority', 'mean', 'median', 'last', 'seasonal', 'rateBy']).optional(),
  /** Name of a feature, for `rateBy` and `last`. */
  column: z.string().min(1).optional(),
  /** Names of the features that hold hour and weekday, for `seasonal`. */
  hour: z.string().min(1).default('hour'),
  weekday: z.string().min(1).default('weekday'),
  /** Rows that count as one prior observation of the overall rate, so that rare values do not shout. */
  priorRows: z.number().min(0).default(20),
  /** Values of a column that get an entry, the most frequent ones; all others share one. */
  maxValues: z.number().int().min(1).max(100_000).default(10_000),
});
export type BaselineParameters = z.infer<typeof BaselineParameters>;

const SCHEMAS = { gbdt: GbdtParameters, linear: LinearParameters, baseline: BaselineParameters } as const;

export interface BuiltInParameters {
  readonly gbdt: GbdtParameters;
  readonly linear: LinearParameters;
  readonly baseline: BaselineParameters;
}

/** Names of the parameters that a built-in trainer knows. */
export function parameterNames(kind: BuiltInTrainer): string[] {
  return Object.keys(SCHEMAS[kind].shape);
}

/** Checks the parameters of a built-in trainer and fills in defaults. Throws `PRN_TRAINING_INVALID_PARAMETER`. */
export function parseTrainerParameters<K extends BuiltInTrainer>(kind: K, parameters: unknown): BuiltInParameters[K] {
  const schema: z.ZodType<BuiltInParameters[K]> = SCHEMAS[kind] as never;
  const parsed = schema.safeParse(parameters);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DomainError('PRN_TRAINING_INVALID_PARAMETER', {
    parameter: issue?.path.join('.') || 'object',
    expected: `as in the list of ${kind} parameters (${issue?.message ?? 'invalid'})`,
    got: JSON.stringify(parameters),
  });
}
