import { describe, expect, it } from 'vitest';
import { gainImportance, permutationImportance } from '../../../ml/training/importance.js';
import { createUniform } from '../../../ml/random.js';
import { binaryEnsemble, stump } from '../../support/trees.js';

describe('importance by gain', () => {
  it('is the share of a feature in all gains', () => {
    const gained = (feature: number, gain: number) => ({
      ...stump(feature, 0, { left: 0, right: 0 }),
      gain: Float32Array.of(gain, 0, 0),
    });
    const ensemble = binaryEnsemble(3, 0, [gained(0, 3), gained(2, 4), gained(0, 1)]);
    expect([...gainImportance(ensemble)]).toEqual([0.5, 0, 0.5]);
    expect([...gainImportance(binaryEnsemble(2, 0, []))]).toEqual([0, 0]);
  });
});

describe('importance by permutation', () => {
  const uniform = createUniform(1);
  const rows = 2_000;
  const matrix = Float32Array.from({ length: rows * 2 }, () => uniform());
  /** Mean square between a prediction, which is the first column, and itself before the shuffle. */
  const lossOf = (given: Float32Array): number => {
    let sum = 0;
    for (let row = 0; row < rows; row += 1) sum += ((given[2 * row] ?? 0) - (matrix[2 * row] ?? 0)) ** 2;
    return sum / rows;
  };

  it('is how much the loss grows: twice the variance for the feature that is the prediction, nothing for another', () => {
    const before = matrix.slice();
    const [used, unused] = permutationImportance({ matrix, rows, columns: 2, lossOf, seed: 3, repeats: 5 });
    // Uniform values have variance 1/12.
    expect(used?.mean).toBeCloseTo(1 / 6, 2);
    expect(used?.deviation).toBeLessThan(0.01);
    expect(unused).toEqual({ mean: 0, deviation: 0 });
    expect(matrix).toEqual(before);
  });

  it('depends on the seed alone', () => {
    const run = (seed: number) => permutationImportance({ matrix, rows, columns: 2, lossOf, seed, repeats: 2 });
    expect(run(3)).toEqual(run(3));
    expect(run(3)).not.toEqual(run(4));
  });
});
