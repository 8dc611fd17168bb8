import { describe, expect, it } from 'vitest';
import type { FeaturePlan } from '../../../domain/features.js';
import { KEPT_TERMS } from '../../../domain/model-fit.js';
import { reportFit } from '../../../ml/training/fit-report.js';
import { parseTrainerParameters } from '../../../domain/trainer-parameters.js';
import { train } from '../../../ml/training/train.js';
import { binaryEnsemble, stump } from '../../support/trees.js';

const request = (name: string, datatype: 'FP32' | 'BYTES') =>
  ({ name, datatype, nullable: true, source: { kind: 'request', column: name } }) as const;

const PLAN: FeaturePlan = {
  inputs: [request('distance', 'FP32'), request('carrier', 'BYTES')],
  features: [
    { name: 'distance', expression: 'distance' },
    { name: 'airline', expression: 'carrier' },
  ],
  encodings: [{ input: 'carrier', categories: ['AA', 'UA'] }],
};

const gained = (feature: number, gain: number) => ({
  ...stump(feature, 0, { left: 0, right: 0 }),
  gain: Float32Array.of(gain, 0, 0),
});

function wide(features: number): FeaturePlan {
  const names = Array.from({ length: features }, (_unused, index) => `f${index}`);
  return {
    inputs: names.map((name) => request(name, 'FP32')),
    features: names.map((name) => ({ name, expression: name })),
    encodings: [],
  };
}

describe('the report of a fitted model', () => {
  it('ranks the features of trees by their share of the gain, and leaves out those without any', () => {
    const ensemble = binaryEnsemble(3, 0, [gained(0, 3), gained(2, 9)]);
    expect(reportFit({ kind: 'trees', ensemble }, { plan: wide(3), classes: [] })).toEqual({
      kind: 'trees',
      trees: 2,
      usedFeatures: 2,
      importance: [
        { feature: 'f2', share: 0.75 },
        { feature: 'f0', share: 0.25 },
      ],
    });
  });

  it('keeps the first of many, and says how many there are', () => {
    const trees = Array.from({ length: 80 }, (_unused, feature) => gained(feature, 80 - feature));
    const report = reportFit(
      { kind: 'trees', ensemble: binaryEnsemble(80, 0, trees) },
      { plan: wide(80), classes: [] },
    );
    expect(report).toMatchObject({ usedFeatures: 80 });
    const kept = report?.kind === 'trees' ? report.importance.map(({ feature }) => feature) : [];
    expect(kept).toEqual(Array.from({ length: KEPT_TERMS }, (_unused, feature) => `f${feature}`));
  });

  it('names the coefficients of a linear model, the surest first', () => {
    // 4 airlines × distances 0 to 9: minutes are 10 + 2·distance, 5 more with UA, with noise of ±0.5 that has no trend.
    const rows = Array.from({ length: 40 }, (_unused, row) => ({ distance: row % 10, code: Math.floor(row / 10) % 2 }));
    const noise = (row: number): number => (Math.floor(row / 20) % 2 === 0 ? 0.5 : -0.5);
    const form = train({
      trainer: { kind: 'linear', parameters: parseTrainerParameters('linear', { l2: 0 }), seed: 1 },
      data: {
        task: 'regression',
        classes: [],
        matrix: Float32Array.from(rows.flatMap(({ distance, code }) => [distance, code])),
        rows: rows.length,
        columns: 2,
        names: ['distance', 'airline'],
        categorical: [1],
        labels: Float32Array.from(rows, ({ distance, code }, row) => 10 + 2 * distance + 5 * code + noise(row)),
      },
    });
    const report = reportFit(form, { plan: PLAN, classes: [] });
    const found = report?.kind === 'linear' ? report.coefficients : [];
    expect(report).toMatchObject({ kind: 'linear', converged: true, terms: found.length });
    const terms = found.map(({ term }) => term);
    expect(terms[0]).toBe('distance');
    expect(found[0]?.estimate).toBeCloseTo(2, 6);
    // s² = Σ0.25·40 / 37; standard error of the slope = √(s² / Σ(d − 4.5)²) with Σ = 4·82.5.
    expect(found[0]?.standardError).toBeCloseTo(Math.sqrt(10 / 37 / 330), 4);
    expect(terms).toContain('airline = UA');
    expect(terms).toContain('intercept');
  });

  it('says to which class a coefficient belongs', () => {
    const form = train({
      trainer: { kind: 'linear', parameters: parseTrainerParameters('linear', {}), seed: 1 },
      data: {
        task: 'multiclass',
        classes: ['low', 'high', 'mid'],
        matrix: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8),
        rows: 9,
        columns: 1,
        names: ['f0'],
        categorical: [],
        labels: Float32Array.of(0, 0, 2, 0, 2, 2, 1, 2, 1),
      },
    });
    const report = reportFit(form, { plan: wide(1), classes: ['low', 'high', 'mid'] });
    const terms = report?.kind === 'linear' ? report.coefficients.map(({ term }) => term) : [];
    expect(terms.sort()).toEqual(
      ['low', 'high', 'mid'].flatMap((name) => [`f0 → ${name}`, `intercept → ${name}`]).sort(),
    );
  });

  it('is silent about a baseline', () => {
    const model = { task: 'binary', featureCount: 2, outputs: 1, keys: [], answers: Float32Array.of(0.5) } as const;
    expect(reportFit({ kind: 'table', model }, { plan: PLAN, classes: [] })).toBeNull();
  });
});
