import { describe, expect, it } from 'vitest';
import { checkFeatureValues } from '../../../ml/training/check-features.js';

const check = (values: readonly number[]) => () =>
  checkFeatureValues({ matrix: Float32Array.from(values), rows: values.length / 2, columns: 2, names: ['a', 'b'] });

describe('checkFeatureValues', () => {
  it('takes missing values, and a feature that is only missing or there', () => {
    expect(check([1, 5, NaN, 5, 1, 5])).not.toThrow();
  });

  it.each([
    [
      'an infinite value',
      [1, 2, 3, Infinity, 5, -Infinity],
      'PRN_TRAINING_INFINITE_FEATURE',
      { feature: 'b', infinite: 2, rows: 3 },
    ],
    ['a feature that no row has', [NaN, 2, NaN, 3], 'PRN_TRAINING_EMPTY_FEATURE', { feature: 'a', rows: 2 }],
    ['features of one value each', [1, 2, 1, 2], 'PRN_TRAINING_NO_INFORMATION', { features: 'a, b', rows: 2 }],
  ])('refuses %s', (...[, values, code, details]) => {
    expect(check(values)).toThrow(expect.objectContaining({ code, details }));
  });
});
