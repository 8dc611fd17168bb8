import { describe, expect, it } from 'vitest';
import { neighbour, ulpDistance } from '../../../../ml/features/skew/float32.js';

describe('ulpDistance', () => {
  it('counts the float32 values between two numbers, across zero and up to infinity', () => {
    // IEEE 754: 2⁻²³ is the gap above 1; the smallest subnormal is 2⁻¹⁴⁹; above the greatest number comes infinity.
    expect([
      ulpDistance(1, 1),
      ulpDistance(1, 1 + 2 ** -23),
      ulpDistance(1, 1 - 2 ** -24),
      ulpDistance(0, -0),
      ulpDistance(2 ** -149, -(2 ** -149)),
      ulpDistance(3.4028234663852886e38, Number.POSITIVE_INFINITY),
      ulpDistance(1, 2),
    ]).toEqual([0, 1, 1, 1, 3, 1, 8_388_608]);
  });

  it('calls two missing values equal and a missing one endlessly far from a number', () => {
    expect([ulpDistance(Number.NaN, Number.NaN), ulpDistance(Number.NaN, 0)]).toEqual([0, Number.POSITIVE_INFINITY]);
  });
});

describe('neighbour', () => {
  it('steps to the next float32 in either direction and leaves what has no neighbour', () => {
    expect([neighbour(1, 1), neighbour(1, -1), neighbour(-1, 1), neighbour(2 ** -149, -1)]).toEqual([
      1 + 2 ** -23,
      1 - 2 ** -24,
      -1 + 2 ** -24,
      0,
    ]);
    expect(neighbour(0, -1)).toBe(-0);
    expect(neighbour(-0, -1)).toBe(-(2 ** -149));
    expect(neighbour(3.4028234663852886e38, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(neighbour(Number.POSITIVE_INFINITY, -1)).toBe(Number.POSITIVE_INFINITY);
  });
});
