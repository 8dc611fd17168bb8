import { describe, expect, it } from 'vitest';
import { frameOf } from '../../../domain/profile.js';
import { compareColumns, type Distance } from '../../../ml/profile/compare.js';
import { profileNumbers, profileTexts } from '../../../ml/profile/profile-values.js';

const texts = (counts: Readonly<Record<string, number>>) =>
  profileTexts(
    's',
    Object.entries(counts).flatMap(([value, count]) => Array.from({ length: count }, () => value)),
  );
const measure = (current: ReturnType<typeof texts>, reference: ReturnType<typeof texts>, distance: Distance) => {
  const compared = compareColumns(current, reference, { distance, alpha: 0.05 });
  if ('problem' in compared) throw new Error(compared.problem);
  return compared;
};

describe('distances of profiles', () => {
  const [now, before] = [texts({ cash: 65, card: 35 }), texts({ cash: 50, card: 40, voucher: 10 })];

  it('L∞ names the value that differs most', () => {
    // Shares 0.65/0.35/0 and 0.5/0.4/0.1: the largest difference is 0.15, of cash.
    expect(measure(now, before, 'linf')).toEqual({
      distance: expect.closeTo(0.15, 12),
      mostDifferent: '"cash": 65.00 % here, 50.00 % in the reference',
      critical: null,
    });
  });

  it('Jensen-Shannon is 0 for the same, 1 for disjoint, and as computed by hand between', () => {
    expect(measure(now, now, 'js').distance).toBe(0);
    expect(measure(texts({ a: 3 }), texts({ b: 9 }), 'js').distance).toBe(1);
    // By hand: ½(½ log2 ⅔ + ½ log2 2) + ½ log2 4/3 = 0.31127812445913283.
    expect(measure(texts({ a: 1, b: 1 }), texts({ a: 2 }), 'js').distance).toBeCloseTo(0.31127812445913283, 14);
  });

  it('Jensen-Shannon compares numbers over different edges, with mass spread evenly inside a bin', () => {
    const evenly = (from: number, to: number) =>
      profileNumbers(
        { name: 'x', type: 'float' },
        Float64Array.from({ length: 1_000 }, (_u, i) => from + ((to - from) * i) / 999),
      );
    expect(measure(evenly(0, 10), evenly(0, 10), 'js').distance).toBeCloseTo(0, 12);
    expect(measure(evenly(0, 10), evenly(20, 30), 'js').distance).toBeCloseTo(1, 12);
    // Halves of [0, 10] and [5, 15] overlap: 0.5 of each side's mass is alone, which is a divergence of 0.5.
    expect(measure(evenly(0, 10), evenly(5, 15), 'js').distance).toBeCloseTo(0.5, 2);
  });

  it('Kolmogorov-Smirnov has its critical value', () => {
    const reference = profileNumbers({ name: 'x', type: 'float' }, [1, 2, 3, 4]);
    const current = profileNumbers({ name: 'x', type: 'float' }, [3, 4, 4, 4], frameOf(reference));
    const compared = measure(current, reference, 'ks');
    expect(compared.distance).toBeCloseTo(0.5, 12);
    // 1.358 is the tabulated coefficient for 5 %; √(8/16).
    expect(compared.critical).toBeCloseTo(1.358 * Math.sqrt(0.5), 3);
  });

  it('chi-square of a 2 by 2 table, and rare values together', () => {
    // By hand: 2 · 25/55 + 2 · 25/45 = 2.0202…; 3.8415 is the tabulated 95 % point of one degree of freedom.
    const compared = measure(texts({ a: 60, b: 40 }), texts({ a: 50, b: 50 }), 'chi_square');
    expect(compared.distance).toBeCloseTo(2.0202020202020203, 12);
    expect(compared.critical).toBeCloseTo(3.841458820694124, 9);
    expect(compareColumns(texts({ a: 3 }), texts({ b: 2 }), { distance: 'chi_square', alpha: 0.05 })).toEqual({
      problem: 'fewer than two cells have enough rows',
    });
  });

  it('says why profiles cannot be compared', () => {
    const numbers = profileNumbers({ name: 's', type: 'float' }, [1, 2]);
    expect(compareColumns(now, numbers, { distance: 'js', alpha: 0.05 })).toHaveProperty('problem');
    expect(compareColumns(texts({}), now, { distance: 'psi', alpha: 0.05 })).toEqual({
      problem: 'one side has no values',
    });
  });
});
