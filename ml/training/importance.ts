/** How much a model owes to each feature. */
import { uniformOf } from '../random.js';
import type { TreeEnsemble } from './tree-ensemble.js';

/** Share of each feature in what all splits took from the training loss; sums to 1 unless no tree has a split. */
export function gainImportance({ trees, featureCount }: TreeEnsemble): Float64Array {
  const gains = new Float64Array(featureCount);
  let total = 0;
  for (const { feature, gain } of trees) {
    for (const [node, column] of feature.entries()) {
      if (column < 0) continue;
      gains[column] = (gains[column] ?? 0) + (gain[node] ?? 0);
      total += gain[node] ?? 0;
    }
  }
  return total === 0 ? gains : gains.map((gain) => gain / total);
}

export interface PermutationInput {
  /** Row-major rows × columns; not changed. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Mean loss of the model on a matrix of that shape. */
  readonly lossOf: (matrix: Float32Array) => number;
  readonly seed: number;
  /** Shuffles of each feature. */
  readonly repeats: number;
}

/**
 * How much the loss grows when a feature's values are dealt out to other rows (Breiman 2001): mean and standard deviation
 * over the repeats. Below 0 where the feature hurts. Two features that say the same hide each other.
 */
export function permutationImportance(
  input: PermutationInput,
): { readonly mean: number; readonly deviation: number }[] {
  const { rows, columns, lossOf, repeats, seed } = input;
  const base = lossOf(input.matrix);
  const matrix = input.matrix.slice();
  return Array.from({ length: columns }, (_unused, column) => {
    const growth = Array.from({ length: repeats }, (_none, repeat) => {
      const order = shuffled(rows, [seed, column, repeat]);
      for (let row = 0; row < rows; row += 1)
        matrix[row * columns + column] = input.matrix[(order[row] as number) * columns + column] as number;
      return lossOf(matrix) - base;
    });
    for (let row = 0; row < rows; row += 1)
      matrix[row * columns + column] = input.matrix[row * columns + column] as number;
    const mean = growth.reduce((sum, each) => sum + each, 0) / repeats;
    const squares = growth.reduce((sum, each) => sum + (each - mean) ** 2, 0);
    return { mean, deviation: repeats > 1 ? Math.sqrt(squares / (repeats - 1)) : 0 };
  });
}

/** Fisher and Yates, by key. */
function shuffled(count: number, key: readonly number[]): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_unused, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(uniformOf(...key, last) * (last + 1));
    const moved = order[last] as number;
    order[last] = order[other] as number;
    order[other] = moved;
  }
  return order;
}
