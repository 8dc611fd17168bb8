import { describe, expect, it } from 'vitest';
import { BaselineParameters } from '../../../domain/trainer-parameters.js';
import { tableAnswers } from '../../../ml/training/baseline/table-model.js';
import { trainBaseline } from '../../../ml/training/baseline/trainer.js';

const NAMES = ['hour', 'weekday'];
/** Hour, weekday, label; in order of time. */
const ROWS = [
  [0, 1, 10],
  [0, 2, 20],
  [1, 1, 40],
  [0, 1, 30],
  [1, NaN, 50],
] as const;
const DATA = {
  matrix: Float32Array.from(ROWS.flatMap(([hour, weekday]) => [hour, weekday])),
  labels: Float32Array.from(ROWS, ([, , label]) => label),
  rows: 5,
  columns: 2,
  names: NAMES,
};

function answers(parameters: object, asked: readonly number[]): number[] {
  const model = trainBaseline({
    task: 'regression',
    outputs: 1,
    ...DATA,
    parameters: BaselineParameters.parse(parameters),
  });
  return [...tableAnswers(model, Float32Array.from(asked), asked.length / 2)];
}

describe('baselines of a regression', () => {
  it('answer the mean, the median or the last value', () => {
    expect(answers({}, [9, 9])).toEqual([30]);
    expect(answers({ method: 'median' }, [9, 9])).toEqual([30]);
    expect(answers({ method: 'last' }, [9, 9])).toEqual([50]);
  });

  it('answer the last value of each value of a column, the last of all for one never seen', () => {
    expect(answers({ method: 'last', column: 'hour' }, [0, 0, 1, 0, 7, 0])).toEqual([30, 50, 50]);
  });

  it('answer the mean of the same hour and weekday, drawn to the overall one by the prior rows', () => {
    expect(answers({ method: 'seasonal', priorRows: 0 }, [0, 1, 0, 2, 1, NaN, 1, 2])).toEqual([20, 20, 50, 30]);
    // (10 + 30 + 2 · 30) / (2 + 2)
    expect(answers({ method: 'seasonal', priorRows: 2 }, [0, 1])).toEqual([25]);
  });

  it('answer one mean for all values that are not among the most frequent', () => {
    expect(answers({ method: 'rateBy', column: 'hour', priorRows: 0, maxValues: 1 }, [0, 0, 1, 0, 7, 0])).toEqual([
      20, 45, 45,
    ]);
  });

  it('weigh rows', () => {
    const model = trainBaseline({
      task: 'regression',
      outputs: 1,
      ...DATA,
      weights: Float32Array.of(1, 1, 1, 1, 4),
      parameters: BaselineParameters.parse({}),
    });
    expect([...model.answers]).toEqual([37.5]);
  });

  it.each([
    ['a column that is no feature', { method: 'rateBy', column: 'colour' }, 'column'],
    ['no column where one is needed', { method: 'rateBy' }, 'column'],
    ['a method of classes', { method: 'majority' }, 'method'],
  ])('refuse %s', (...[, parameters, parameter]) => {
    expect(() => answers(parameters, [0, 0])).toThrow(
      expect.objectContaining({
        code: 'PRN_TRAINING_INVALID_PARAMETER',
        details: expect.objectContaining({ parameter }),
      }),
    );
  });
});

describe('baselines of classes', () => {
  const labels = Float32Array.of(0, 2, 2, 1, 2);

  it('answer the shares of the classes, or those of a value', () => {
    const fit = (parameters: object): number[] => {
      const input = { task: 'multiclass', outputs: 3, ...DATA, labels } as const;
      return [...trainBaseline({ ...input, parameters: BaselineParameters.parse(parameters) }).answers];
    };
    const shares = [0.2, 0.2, 0.6].map(Math.fround);
    expect(fit({})).toEqual(shares);
    // Hour 0 has the classes 0, 2, 1; hour 1 has 2 and 2; the rest is as all.
    const third = Math.fround(1 / 3);
    expect(fit({ method: 'rateBy', column: 'hour', priorRows: 0 })).toEqual([third, third, third, 0, 0, 1, ...shares]);
  });

  it('refuse one class', () => {
    const input = { task: 'binary', outputs: 1, ...DATA, labels: new Float32Array(5) } as const;
    expect(() => trainBaseline({ ...input, parameters: BaselineParameters.parse({}) })).toThrow(
      expect.objectContaining({ code: 'PRN_TRAINING_ONE_CLASS' }),
    );
  });
});
