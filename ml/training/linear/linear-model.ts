/** The trained form of a linear or logistic model, in the units of the features. */
import type { Task } from '../../../domain/task.js';

/** One coefficient as it is reported. */
export interface Coefficient {
  /** Raw score it adds to: class index of a multiclass model, otherwise 0. */
  readonly output: number;
  /** Feature index, or −1 for the intercept. */
  readonly feature: number;
  /** `value`: per unit of the feature. `missing`: where the feature is missing. `category`: where it has `code`. */
  readonly part: 'intercept' | 'value' | 'missing' | 'category';
  readonly code?: number;
  readonly estimate: number;
  /** Null where the column is constant or follows from others, so that it has no coefficient of its own. */
  readonly standardError: number | null;
  /** Two-sided, of the hypothesis that the coefficient is 0: t test for least squares, else z test. */
  readonly pValue: number | null;
}

/** A categorical feature: a coefficient for each of some codes; all others count as the reference. */
export interface CategoryWeights {
  readonly feature: number;
  readonly codes: Float32Array;
  /** Row-major codes × outputs. */
  readonly weights: Float64Array;
  /** Added where the value is missing; by output. */
  readonly missing: Float64Array;
}

/**
 * Raw score of output k: intercepts[k] + Σ_j weights[j, k]·x_j with `means[j]` for what is missing, + Σ_j missing[j, k]
 * where x_j is missing, + what the categories add. Infinite numbers count as missing.
 */
export interface LinearModel {
  readonly task: Task;
  readonly featureCount: number;
  readonly outputs: number;
  readonly intercepts: Float64Array;
  /** Row-major features × outputs; 0 for categorical features. */
  readonly weights: Float64Array;
  readonly means: Float64Array;
  readonly missing: Float64Array;
  readonly categories: readonly CategoryWeights[];
  /** For reports; all of the above in one list, with their errors. */
  readonly coefficients: readonly Coefficient[];
  readonly iterations: number;
  /** False where the greatest number of iterations was reached first. */
  readonly converged: boolean;
}

/** Raw scores of a row-major float32 matrix, row-major rows × outputs: the independent check of the exported graph. */
export function linearScores(model: LinearModel, matrix: Float32Array, rows: number): Float64Array {
  const { featureCount, outputs, intercepts, weights, means, missing, categories } = model;
  const scores = Float64Array.from({ length: rows * outputs }, (_unused, at) => intercepts[at % outputs] ?? 0);
  const add = (row: number, table: Float64Array, at: { from: number; factor: number }): void => {
    for (let output = 0; output < outputs; output += 1)
      scores[row * outputs + output] =
        (scores[row * outputs + output] ?? 0) + at.factor * (table[at.from * outputs + output] ?? 0);
  };
  const categorical = new Map(categories.map((each) => [each.feature, each]));
  for (let row = 0; row < rows; row += 1) {
    for (let feature = 0; feature < featureCount; feature += 1) {
      const value = matrix[row * featureCount + feature] ?? Number.NaN;
      const category = categorical.get(feature);
      if (category !== undefined) {
        const index = category.codes.indexOf(value);
        if (index >= 0) add(row, category.weights, { from: index, factor: 1 });
        else if (!Number.isFinite(value)) add(row, category.missing, { from: 0, factor: 1 });
      } else if (Number.isFinite(value)) add(row, weights, { from: feature, factor: value });
      else {
        add(row, weights, { from: feature, factor: means[feature] ?? 0 });
        add(row, missing, { from: feature, factor: 1 });
      }
    }
  }
  return scores;
}
