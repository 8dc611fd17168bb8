import { describe, expect, it } from 'vitest';
import { GbdtParameters } from '../../../../domain/gbdt-parameters.js';
import { rocAuc } from '../../../../ml/evaluation/metrics.js';
import { createUniform } from '../../../../ml/random.js';
import { trainGradientBoosting } from '../../../../ml/training/gbdt/trainer.js';
import { scoreEnsemble } from '../../../../ml/training/score.js';
import type { TreeEnsemble } from '../../../../ml/training/tree-ensemble.js';

const BINARY = { task: 'binary', outputs: 1 } as const;

/** Late when exactly one of two values is large: no single split helps. A third column is noise, a tenth is missing. */
function exclusiveOr(rows: number) {
  const uniform = createUniform(11);
  const matrix = Float32Array.from({ length: rows * 3 }, () => (uniform() < 0.1 ? Number.NaN : uniform()));
  const labels = Float32Array.from({ length: rows }, (_unused, row) => {
    const [a, b] = [matrix[row * 3] ?? 0, matrix[row * 3 + 1] ?? 0];
    return a > 0.5 !== b > 0.5 ? 1 : 0;
  });
  return { matrix, labels, rows, columns: 3, ...BINARY };
}

const parameters = GbdtParameters.parse({ trees: 40, depth: 4, rowSampling: 0.8, columnSampling: 0.67 });

describe('trainGradientBoosting', () => {
  it('learns an interaction that no single split shows', () => {
    const data = exclusiveOr(3_000);
    const ensemble = trainGradientBoosting({ ...data, parameters, seed: 1 });
    expect(rocAuc(scoreEnsemble(ensemble, data.matrix, data.rows), data.labels)).toBeGreaterThan(0.97);
  });

  it('gives the same trees for the same seed and others for another', () => {
    const data = exclusiveOr(1_000);
    const train = (seed: number): TreeEnsemble => trainGradientBoosting({ ...data, parameters, seed });
    expect(train(1)).toEqual(train(1));
    expect(train(1)).not.toEqual(train(2));
  });

  it('resumes to exactly what an undisturbed run gives', () => {
    const data = exclusiveOr(1_000);
    const whole = trainGradientBoosting({ ...data, parameters, seed: 1 });
    const part = trainGradientBoosting({ ...data, parameters: { ...parameters, trees: 17 }, seed: 1 });
    expect(trainGradientBoosting({ ...data, parameters, seed: 1, resumeFrom: part })).toEqual(whole);
  });

  it('sends missing values where they help', () => {
    const rows = 400;
    const matrix = Float32Array.from({ length: rows }, (_unused, row) => (row % 2 === 0 ? Number.NaN : row % 4));
    const labels = Float32Array.from({ length: rows }, (_unused, row) => (row % 2 === 0 ? 1 : 0));
    const ensemble = trainGradientBoosting({
      matrix,
      labels,
      rows,
      columns: 1,
      ...BINARY,
      parameters: GbdtParameters.parse({ trees: 5 }),
      seed: 1,
    });
    const [missing = 0, present = 1] = scoreEnsemble(ensemble, Float32Array.from([Number.NaN, 1]), 2);
    expect(missing).toBeGreaterThan(present);
  });

  it.each([
    ['no rows', { rows: 0, matrix: new Float32Array(), labels: new Float32Array() }, 'PRN_TRAINING_NO_ROWS'],
    ['one class', { rows: 2, matrix: Float32Array.of(1, 2), labels: Float32Array.of(1, 1) }, 'PRN_TRAINING_ONE_CLASS'],
    [
      'a label that is neither',
      { rows: 2, matrix: Float32Array.of(1, 2), labels: Float32Array.of(1, Number.NaN) },
      'PRN_TRAINING_INVALID_PARAMETER',
    ],
  ])('refuses %s', (...[, data, code]) => {
    expect(() => trainGradientBoosting({ ...data, ...BINARY, columns: 1, parameters, seed: 1 })).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
