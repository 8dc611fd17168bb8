import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascendingOrder, rocAuc } from '../../../ml/evaluation/metrics.js';

describe('rocAuc', () => {
  it('is the share of ordered pairs, ties counting half', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ score: fc.integer({ min: 0, max: 5 }), label: fc.constantFrom(0, 1) }), {
          minLength: 2,
          maxLength: 40,
        }),
        (rows) => {
          const pairs = rows.flatMap((left) =>
            rows
              .filter(({ label }) => left.label === 1 && label === 0)
              .map((right) => Math.sign(left.score - right.score)),
          );
          const expected =
            pairs.length === 0 ? Number.NaN : pairs.reduce((sum, sign) => sum + (sign + 1) / 2, 0) / pairs.length;
          const got = rocAuc(
            Float32Array.from(rows, ({ score }) => score),
            rows.map(({ label }) => label),
          );
          expect(Number.isNaN(expected) ? Number.isNaN(got) : Math.abs(got - expected) < 1e-12).toBe(true);
        },
      ),
    );
  });
});

describe('ascendingOrder', () => {
  it('is a stable sort by value, whatever the sign, NaN last', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 60 }), (values) => {
        const rank = (value: number): number => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value);
        const expected = [...values.keys()].sort((left, right) => {
          const [a, b] = [rank(values[left] ?? 0), rank(values[right] ?? 0)];
          if (a === b) return Number(Number.isNaN(values[left])) - Number(Number.isNaN(values[right])) || left - right;
          return a < b ? -1 : 1;
        });
        expect([...ascendingOrder(values)]).toEqual(expected);
      }),
    );
  });
});
