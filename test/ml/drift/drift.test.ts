import { describe, expect, it } from 'vitest';
import { calibrationOverWindows } from '../../../ml/drift/calibration.js';
import { criticalPsi, populationStabilityIndex } from '../../../ml/drift/psi.js';
import { binsOf, freezeEdges } from '../../../ml/profile/bins.js';
import { createUniform } from '../../../ml/random.js';

describe('populationStabilityIndex', () => {
  it('reproduces published values of the tool whose zero filling it offers', () => {
    // Reference 50/30/20; values of evidently for 30/25/15/5 and 30/25/20.
    expect(populationStabilityIndex({ reference: [50, 30, 20, 0], current: [30, 25, 15, 5] }, 'evidently')).toBeCloseTo(
      0.45866215469452587,
      12,
    );
    expect(populationStabilityIndex({ reference: [50, 30, 20], current: [30, 25, 20] }, 'evidently')).toBeCloseTo(
      0.0450051771501339,
      12,
    );
  });

  it('reproduces the golden decile value of the frozen edges', () => {
    // ref_i = 10·frac(φ·i), cur_j = 10·frac(√2·j) + 0.5; decile bins with open ends: 0.0615…, computed with numpy.
    const frac = (value: number): number => value - Math.floor(value);
    const reference = Array.from({ length: 200 }, (_unused, index) => 10 * frac(0.6180339887498949 * (index + 1)));
    const current = Array.from({ length: 150 }, (_unused, index) => 10 * frac(0.4142135623730951 * (index + 1)) + 0.5);
    const edges = freezeEdges(reference, 10);
    const counts = { reference: binsOf(reference, edges).counts, current: binsOf(current, edges).counts };
    expect(counts.current).toEqual([7, 17, 14, 15, 15, 15, 14, 16, 15, 22]);
    expect(populationStabilityIndex(counts, 'evidently')).toBeCloseTo(0.061539444881249336, 9);
  });

  it('exceeds its critical value about as often as alpha says when nothing changed', () => {
    const uniform = createUniform(5);
    const draw = (rows: number): number[] => Array.from({ length: rows }, uniform);
    const reference = draw(1_000);
    const edges = freezeEdges(reference, 10);
    const base = binsOf(reference, edges).counts;
    let alarms = 0;
    for (let repeat = 0; repeat < 400; repeat += 1) {
      const counts = { reference: base, current: binsOf(draw(200), edges).counts };
      if (populationStabilityIndex(counts) >= criticalPsi(counts, 0.05)) alarms += 1;
    }
    expect(alarms / 400).toBeGreaterThan(0.005);
    expect(alarms / 400).toBeLessThan(0.1);
  });
});

describe('calibrationOverWindows', () => {
  it('tests the gaps of the windows against their own spread', () => {
    // Gaps .04 .05 .06 .05 .05 .04 .06: mean .05, sd .00816…, t = .05 / (.00816… / √7) = 16.2019, df 6.
    const windows = [0.04, 0.05, 0.06, 0.05, 0.05, 0.04, 0.06].map((gap) => ({
      rows: 400,
      sumPrediction: 400 * (0.2 + gap),
      sumOutcome: 80,
    }));
    const { gap, statistic, degreesOfFreedom, pValue, rows } = calibrationOverWindows(windows);
    expect([gap.toFixed(10), statistic?.toFixed(3), degreesOfFreedom, rows]).toEqual([
      '0.0500000000',
      '16.202',
      6,
      2_800,
    ]);
    expect(pValue).toBeCloseTo(3.5e-6, 6);
  });

  it('has no statistic for a single window', () => {
    expect(calibrationOverWindows([{ rows: 10, sumPrediction: 3, sumOutcome: 2 }])).toMatchObject({
      gap: 0.1,
      statistic: null,
      pValue: null,
    });
  });
});
