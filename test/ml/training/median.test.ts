import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { weightedMedian } from '../../../ml/training/median.js';

describe('weightedMedian', () => {
  it('is what sorting gives, whatever the values', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 40 }), (values) => {
        const sorted = values.toSorted((left, right) => left - right);
        const [lower, upper] = [sorted[(values.length - 1) >> 1] ?? 0, sorted[values.length >> 1] ?? 0];
        expect(weightedMedian(Float64Array.from(values))).toBe((lower + upper) / 2);
        expect(
          weightedMedian(
            Float64Array.from(values),
            values.map(() => 3),
          ),
        ).toBe((lower + upper) / 2);
      }),
    );
  });

  it('is where half of the weight is reached', () => {
    expect(weightedMedian(Float64Array.of(1, 2, 9), [1, 1, 5])).toBe(9);
    expect(weightedMedian(Float64Array.of(9, 1, 2), [2, 1, 1])).toBe(5.5);
  });
});
