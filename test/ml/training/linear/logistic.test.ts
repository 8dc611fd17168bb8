import { describe, expect, it } from 'vitest';
import { LinearParameters } from '../../../../domain/trainer-parameters.js';
import { linearScores } from '../../../../ml/training/linear/linear-model.js';
import { trainLinear } from '../../../../ml/training/linear/trainer.js';
import { answersFromScores } from '../../../../ml/training/score.js';
import { readData, RECORDED, type ReferenceData } from '../../../reference/reference.js';

const parameters = LinearParameters.parse({});

/** The data as scikit-learn's StandardScaler hands them on, in float32. */
function standardised(data: ReferenceData): ReferenceData {
  const { matrix, rows, columns } = data;
  const scaled = matrix.slice();
  for (let column = 0; column < columns; column += 1) {
    const values = Array.from({ length: rows }, (_unused, row) => matrix[row * columns + column] ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / rows;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
    for (const [row, value] of values.entries()) scaled[row * columns + column] = (value - mean) / deviation;
  }
  return { ...data, matrix: scaled };
}

describe('logistic regression', () => {
  it('agrees with scikit-learn on breast_cancer: coefficients, intercept, standard errors', () => {
    const data = standardised(readData('breast_cancer'));
    const model = trainLinear({ task: 'binary', outputs: 1, ...data, parameters });
    const { coefficients, intercept, errors } = RECORDED.linear.logistic;
    expect(model.converged).toBe(true);
    expect(model.intercepts[0]).toBeCloseTo(intercept, 4);
    for (const [feature, expected] of coefficients.entries()) {
      const own = model.coefficients.find((each) => each.feature === feature);
      expect(own?.estimate).toBeCloseTo(expected, 4);
      expect(own?.standardError).toBeCloseTo(errors[feature] ?? Number.NaN, 4);
    }
  });

  it('stays finite where a feature tells the classes apart, and says so where it cannot converge', () => {
    const matrix = Float32Array.of(1, 2, 3, 4);
    const labels = Float32Array.of(0, 0, 1, 1);
    const fit = (changes: object) =>
      trainLinear({
        task: 'binary',
        outputs: 1,
        matrix,
        labels,
        rows: 4,
        columns: 1,
        parameters: LinearParameters.parse(changes),
      });
    expect(fit({ l2: 1 })).toMatchObject({ converged: true });
    const free = fit({ l2: 0, maxIterations: 5 });
    expect(free.converged).toBe(false);
    expect(Number.isFinite(free.weights[0])).toBe(true);
  });
});

describe('multinomial regression', () => {
  const data = standardised(readData('iris'));
  const model = trainLinear({ task: 'multiclass', outputs: 3, ...data, parameters });

  it('agrees with scikit-learn on iris: coefficients and probabilities', () => {
    const { coefficients, probabilities } = RECORDED.linear.multinomial;
    for (const [output, own] of coefficients.entries())
      for (const [feature, expected] of own.entries())
        expect(model.weights[feature * 3 + output]).toBeCloseTo(expected, 3);
    const answers = answersFromScores(linearScores(model, data.matrix, data.rows), model);
    for (const [index, expected] of probabilities.entries())
      for (const [output, probability] of expected.entries())
        expect(answers[index * 30 + output]).toBeCloseTo(probability, 4);
  });

  it('has coefficients that sum to zero over the classes, each with a standard error', () => {
    for (let feature = 0; feature < 4; feature += 1) {
      const own = [...model.weights.subarray(feature * 3, feature * 3 + 3)];
      expect(own.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(0, 5);
    }
    expect(model.coefficients.every(({ standardError }) => (standardError ?? 0) > 0)).toBe(true);
  });

  it('with two classes is the logistic regression with half the ridge, errors included', () => {
    const binary = standardised(readData('breast_cancer'));
    const narrow = { ...binary, matrix: binary.matrix.filter((_value, at) => at % 30 < 3), columns: 3 };
    // w1 = −w0 and w1 − w0 = w: ½·l2·2·(w/2)² is ½·(l2/2)·w².
    const two = trainLinear({
      task: 'multiclass',
      outputs: 2,
      ...narrow,
      parameters: LinearParameters.parse({ l2: 2 }),
    });
    const one = trainLinear({ task: 'binary', outputs: 1, ...narrow, parameters });
    for (let feature = 0; feature < 3; feature += 1) {
      const single = one.coefficients.find((each) => each.feature === feature);
      const double = two.coefficients.find((each) => each.feature === feature && each.output === 1);
      expect(2 * (double?.estimate ?? 0)).toBeCloseTo(single?.estimate ?? Number.NaN, 3);
      expect(2 * (double?.standardError ?? 0)).toBeCloseTo(single?.standardError ?? Number.NaN, 3);
    }
  });
});

describe('linear models of bad input', () => {
  it.each([
    ['no rows', { rows: 0, matrix: new Float32Array(), labels: new Float32Array() }, 'PRN_TRAINING_NO_ROWS'],
    ['one class', { rows: 2, matrix: Float32Array.of(1, 2), labels: Float32Array.of(1, 1) }, 'PRN_TRAINING_ONE_CLASS'],
  ])('refuse %s', (...[, data, code]) => {
    expect(() => trainLinear({ task: 'binary', outputs: 1, columns: 1, parameters, ...data })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('learn the base rate from columns that are empty or constant', () => {
    const matrix = Float32Array.of(NaN, 5, NaN, 5, NaN, 5, NaN, 5);
    const labels = Float32Array.of(1, 0, 1, 1);
    const model = trainLinear({ task: 'binary', outputs: 1, matrix, labels, rows: 4, columns: 2, parameters });
    expect(answersFromScores(linearScores(model, matrix, 4), model)[0]).toBeCloseTo(0.75, 6);
    expect(model.coefficients).toHaveLength(1);
  });
});
