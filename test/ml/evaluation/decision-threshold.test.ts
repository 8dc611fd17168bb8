import { describe, expect, it } from 'vitest';
import { chooseThreshold } from '../../../ml/evaluation/decision-threshold.js';

const probabilities = Float32Array.from([0.125, 0.25, 0.5, 0.75]);
const FREE = { truePositive: 0, trueNegative: 0 };

describe('the decision threshold', () => {
  it('is the lowest one with the greatest F1 where no costs are declared', () => {
    expect(chooseThreshold({ probabilities, labels: [0, 0, 1, 1] })).toBe(0.5);
    // 0.75: F1 2/3; 0.5: 1/2; 0.25: 4/5; 0.125: 2/3.
    expect(chooseThreshold({ probabilities, labels: [0, 1, 0, 1] })).toBe(0.25);
  });

  it('has the least cost where costs are declared', () => {
    const labels = [0, 1, 0, 1];
    // Costs from 0.125 up, and of deciding 0 for all: 2, 1, 6, 5 and 10; then 10, 5, 6, 1 and 2.
    expect(chooseThreshold({ probabilities, labels, costs: { ...FREE, falsePositive: 1, falseNegative: 5 } })).toBe(
      0.25,
    );
    expect(chooseThreshold({ probabilities, labels, costs: { ...FREE, falsePositive: 5, falseNegative: 1 } })).toBe(
      0.75,
    );
  });

  it('is 1 where it costs least to decide 1 for nobody', () => {
    const costs = { ...FREE, falsePositive: 5, falseNegative: 1 };
    expect(chooseThreshold({ probabilities, labels: [0, 1, 1, 0], costs })).toBe(1);
  });

  it('counts what right decisions are worth, and rows by their weight', () => {
    const labels = [0, 1, 0, 1];
    // Savings from 0.125 up: 6 − 8, 6 − 4, 3 − 4 and 3.
    const costs = { truePositive: -1, falsePositive: 2, trueNegative: -2, falseNegative: 2 };
    expect(chooseThreshold({ probabilities, labels, costs })).toBe(0.75);
    // With weight 2 the lower positive saves 6: 9 − 8, 9 − 4, 3 − 4 and 3.
    expect(chooseThreshold({ probabilities, labels, weights: [1, 2, 1, 1], costs })).toBe(0.25);
    // F1 from 0.125 up: 4/6, 4/5, 2/4 and 2/3; with weight 9 on the row at 0.5: 4/14, 4/13, 2/12 and 2/3.
    expect(chooseThreshold({ probabilities, labels, weights: [1, 1, 9, 1] })).toBe(0.75);
  });
});
