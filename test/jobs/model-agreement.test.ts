import { describe, expect, it } from 'vitest';
import { requireAgreement, requireRowwise } from '../../activities/jobs/model-agreement.js';
import type { TrainerRequest } from '../../domain/external-training.js';

type Asked = Pick<TrainerRequest, 'task' | 'sample'>;

function agreementOf(actual: readonly number[], expected: readonly number[], task: Asked['task'] = 'regression'): void {
  const sample = expected.map((_value, row) => row);
  requireAgreement(Float64Array.from(actual), expected, { task, sample } as TrainerRequest);
}

describe('an estimator and its export', () => {
  it('disagree on a common value although one of the predictions is enormous', () => {
    const expected = [1, 2, 3, 4, 1e6];
    // Of the greatest value, 1e-5 would be 10.
    expect(() => agreementOf([1, 5, 3, 4, 1e6], expected)).toThrow('disagree on 1 of 5 sample rows, by up to 3.00');
    expect(() => agreementOf([1, 2, 3, 4, 1e6 + 9], expected)).not.toThrow();
    expect(() => agreementOf([1, 2, 3, 4, 1e6 + 11], expected)).toThrow('disagree on 1 of 5');
  });

  it('agree within the share of a value and of the median size, also about nothing at all', () => {
    const expected = [0, -100, 100, 200];
    expect(() => agreementOf([0.0009, -100.0018, 100.0018, 200.0028], expected)).not.toThrow();
    expect(() => agreementOf([0.0011, -100, 100, 200], expected)).toThrow('where 0.001 is allowed');
    expect(() => agreementOf([0, 0], [0, 0])).not.toThrow();
    expect(() => agreementOf([1, 0], [0, 0])).toThrow('disagree on 1 of 2');
  });

  it('may differ by what float32 loses in a sum that passes through the mean', () => {
    // Median 1, mean 2e5: eight roundings at the mean are 0.2.
    const expected = [1, 1, 1, 1, 1e6];
    expect(() => agreementOf([1.19, 1, 1, 1, 1e6], expected)).not.toThrow();
    expect(() => agreementOf([1.21, 1, 1, 1, 1e6], expected)).toThrow('disagree on 1 of 5');
  });

  it('are held to one tolerance where they answer probabilities', () => {
    expect(() => agreementOf([0.500009, 0.1], [0.5, 0.1], 'binary')).not.toThrow();
    expect(() => agreementOf([0.500011, 0.1], [0.5, 0.1], 'binary')).toThrow('disagree on 1 of 2');
    expect(() => agreementOf([Number.NaN, 0.1], [0.5, 0.1], 'binary')).toThrow('disagree on 1 of 2');
  });
});

describe('predictions row by row', () => {
  const whole = Float64Array.from({ length: 40 }, (_unused, index) => index / 40);
  const pairs = { task: 'multiclass' as const, rows: 20 };
  const rowsOf = (positions: readonly number[]): number[] =>
    positions.flatMap((row) => [...whole.subarray(2 * row, 2 * row + 2)]);

  it('pass where each row has its own, in batches of one, three, seven and all rows', async () => {
    const sizes: number[] = [];
    const score = async (positions: readonly number[]): Promise<Float64Array> => {
      sizes.push(positions.length);
      return Float64Array.from(rowsOf(positions));
    };
    await requireRowwise(whole, { ...pairs, score });
    expect(sizes).toEqual([20, 1, 3, 7, 1, 3, 5]);
  });

  it('are refused where they follow the place in the batch', async () => {
    const score = async ({ length }: readonly number[]): Promise<Float64Array> => whole.subarray(0, 2 * length);
    await expect(requireRowwise(whole, { ...pairs, score })).rejects.toMatchObject({
      code: 'PRN_TRAINER_PREDICTIONS',
      message: expect.stringContaining('in a batch of 20 they differ'),
    });
  });

  it('are refused where only batches of seven give something else', async () => {
    const score = async (positions: readonly number[]): Promise<Float64Array> =>
      Float64Array.from(rowsOf(positions), (value) => (positions.length === 7 ? value + 0.01 : value));
    await expect(requireRowwise(whole, { ...pairs, score })).rejects.toMatchObject({
      message: expect.stringContaining('in a batch of 7 they differ by 0.0100 from those in a batch of 20'),
    });
  });
});
