import { describe, expect, it } from 'vitest';
import { meanDifference } from '../reference/compare-boosting.js';

describe('gradient boosting next to HistGradientBoosting with the same settings', () => {
  it.each(['breast_cancer', 'wine', 'digits', 'iris', 'diabetes'])(
    'scores alike on %s: accuracy or R², mean over five times five folds within 0.02',
    (name) => {
      const difference = meanDifference(name, 5);
      console.log(`${name}: ${difference.toFixed(4)}`);
      expect(Math.abs(difference)).toBeLessThan(0.02);
    },
  );
});
