import { describe, expect, it } from 'vitest';
import { meanDifference } from './compare-boosting.js';

// The first of five repeats; `npm run test:long` goes through all of them.
describe('gradient boosting next to HistGradientBoosting with the same settings', () => {
  it.each(['breast_cancer', 'wine', 'digits', 'iris', 'diabetes'])(
    'scores alike on %s: accuracy or R², mean over five folds within 0.02',
    (name) => {
      expect(Math.abs(meanDifference(name, 1))).toBeLessThan(0.02);
    },
    60_000,
  );
});
