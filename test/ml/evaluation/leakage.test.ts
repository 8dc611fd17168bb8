import { describe, expect, it } from 'vitest';
import { fitBaseline, baselineKeys, predictBaseline } from '../../../ml/evaluation/baselines.js';
import { alarmOfFeature, alarmsOfSplit, qualityAlone } from '../../../ml/evaluation/leakage.js';
import { rankCorrelation } from '../../../ml/evaluation/feature-fit.js';
import { normalQuantile } from '../../../ml/evaluation/normal.js';
import type { TaskShape } from '../../../domain/task.js';
import { MICROS_PER_HOUR } from '../../../domain/time.js';
import { createUniform } from '../../../ml/random.js';

const BINARY = { task: 'binary', classes: [] } as const;
const REGRESSION = { task: 'regression', classes: [] } as const;

describe('a feature alone', () => {
  const uniform = createUniform(2);
  const part = (make: (label: number) => number) => {
    const labels = Array.from({ length: 2_000 }, () => (uniform() < 0.3 ? 1 : 0));
    return { labels, values: Float32Array.from(labels, make) };
  };
  const alarmOf = (make: (label: number) => number) =>
    alarmOfFeature('x', qualityAlone({ train: part(make), holdout: part(make), isCategorical: false }, BINARY), BINARY);

  it('raises an alarm where it is the label in disguise', () => {
    expect(alarmOf((label) => (label === 1 ? 40 + uniform() : uniform()))?.kind).toBe('target_in_features');
  });

  it('raises one where it is nearly so, also where it is not monotone', () => {
    const alarm = alarmOf((label) => (uniform() < 0.002 ? 1 - label : label));
    expect(alarm).toMatchObject({ kind: 'feature_too_good', subject: 'x' });
    expect(alarmOf((label) => (label === 1 ? Math.sign(uniform() - 0.5) * 3 : 0))?.kind).toBe('target_in_features');
  });

  it('raises none where it is merely useful, or missing', () => {
    expect(alarmOf((label) => label + uniform() * 3)).toBeNull();
    expect(alarmOf(() => Number.NaN)).toBeNull();
  });

  it('is judged by weight', () => {
    // It is the label where rows count, and says nothing where they hardly do.
    const half = (labels: number[], make: (label: number) => number) => ({
      labels,
      values: Float32Array.from(labels, (label, row) => (row % 2 === 0 ? make(label) : uniform())),
      weights: Float32Array.from(labels, (_label, row) => (row % 2 === 0 ? 1 : 1e-6)),
    });
    const qualityOf = (shape: TaskShape, labels: number[]): number => {
      const judged = half(labels, (label) => label + 10);
      return qualityAlone({ train: judged, holdout: judged, isCategorical: false }, shape);
    };
    const labels = Array.from({ length: 2_000 }, () => Math.floor(uniform() * 3));
    const outcomes = labels.map((label) => Math.min(label, 1));
    expect(qualityOf(BINARY, outcomes)).toBeGreaterThan(0.999);
    expect(qualityOf({ task: 'multiclass', classes: ['a', 'b', 'c'] }, labels)).toBeGreaterThan(0.999);
    expect(
      qualityOf(
        REGRESSION,
        labels.map((label) => label * 40),
      ),
    ).toBeGreaterThan(0.999);
  });

  it('of a regression is measured by R²', () => {
    const labels = Array.from({ length: 2_000 }, () => uniform() * 100);
    const copied = { labels, values: Float32Array.from(labels, (label) => 2 * label + 1) };
    expect(qualityAlone({ train: copied, holdout: copied, isCategorical: false }, REGRESSION)).toBeGreaterThan(0.999);
  });

  it('raises an alarm where it is a number with long tails, or rises with it, and none where it only helps', () => {
    // Lognormal with σ = 2: the means of 256 bins explain half of it.
    const labels = Float32Array.from({ length: 4_000 }, () => Math.exp(2 * normalQuantile(uniform())));
    const alarmOfCopy = (make: (label: number) => number) => {
      const values = labels.map(make);
      const [train, holdout] = [0, 2_000].map((from) => ({
        values: values.subarray(from, from + 2_000),
        labels: labels.subarray(from, from + 2_000),
      }));
      if (train === undefined || holdout === undefined) return expect.fail('no parts');
      return alarmOfFeature('x', qualityAlone({ train, holdout, isCategorical: false }, REGRESSION), REGRESSION);
    };
    expect(alarmOfCopy((label) => 3 * label - 1)?.kind).toBe('target_in_features');
    expect(alarmOfCopy((label) => -Math.log(label))?.kind).toBe('target_in_features');
    expect(alarmOfCopy((label) => label * Math.exp(normalQuantile(uniform()) / 2))).toBeNull();
    expect(alarmOfCopy(() => Number.NaN)).toBeNull();
  });

  it('raises one for a category of many that tells the label, whatever the order of its codes', () => {
    const codes = (rows: number) => Float32Array.from({ length: rows }, () => Math.floor(uniform() * 4_000));
    const partOf = (values: Float32Array) => ({
      values,
      labels: values.map((code) => ((code * 7_919) % 13 < 4 ? 1 : 0)),
    });
    const [train, holdout] = [partOf(codes(40_000)), partOf(codes(4_000))];
    const alarm = alarmOfFeature('x', qualityAlone({ train, holdout, isCategorical: true }, BINARY), BINARY);
    expect(alarm?.kind).toBe('target_in_features');
    // Codes that say nothing are not learnt by heart: the holdout judges.
    const unrelated = { ...holdout, labels: holdout.labels.map(() => (uniform() < 0.3 ? 1 : 0)) };
    expect(qualityAlone({ train, holdout: unrelated, isCategorical: true }, BINARY)).toBeLessThan(0.6);
  });
});

describe('a correlation of ranks', () => {
  it('is that of scipy, with ties', () => {
    // scipy.stats.spearmanr([1, 2, 2, 5, 3], [10, 9, 30, 40, 10]).statistic
    const part = { values: Float32Array.of(1, 2, 2, 5, 3), labels: [10, 9, 30, 40, 10] };
    expect(rankCorrelation(part)).toBeCloseTo(0.5263157894736842, 10);
    expect(rankCorrelation({ ...part, labels: [1, 1, 1, 1, 1] })).toBeNaN();
  });
});

describe('parts of a split', () => {
  const eventTs = Float64Array.of(1, 2, 3);

  it('raise an alarm where the holdout is not later than training, if time decides', () => {
    const holdout = { eventTs: Float64Array.of(3, 4) };
    expect(alarmsOfSplit({ eventTs }, holdout, true)).toMatchObject([{ kind: 'times_shared', value: 0.5 }]);
    expect(alarmsOfSplit({ eventTs }, holdout, false)).toEqual([]);
    expect(alarmsOfSplit({ eventTs }, { eventTs: Float64Array.of(4) }, true)).toEqual([]);
  });

  it('raise one where a group is on both sides', () => {
    const [train, holdout] = [
      { eventTs, groups: ['a', 'b', 'b'] },
      { eventTs, groups: ['c', 'b', 'd'] },
    ];
    expect(alarmsOfSplit(train, holdout, false)).toMatchObject([{ kind: 'keys_shared', value: 1 }]);
  });
});

describe('named baselines', () => {
  const labels = [0, 1, 1, 0, 1];
  const eventTs = Float64Array.from(labels, (_label, row) => row * MICROS_PER_HOUR);
  const scoresOf = (baseline: Parameters<typeof baselineKeys>[0], values: Float32Array | null = null) => {
    const keys = baselineKeys(baseline, { eventTs, values });
    const predictions = predictBaseline(fitBaseline(baseline, { keys, labels }, BINARY), keys, BINARY);
    return predictions.task === 'binary' ? [...predictions.probabilities] : [];
  };

  it('give the shares, the last label, or the rate of each key drawn towards the whole', () => {
    expect(scoresOf({ baseline: 'majority' })).toEqual(Array(5).fill(Math.fround(0.6)));
    expect(scoresOf({ baseline: 'last' })).toEqual([1, 1, 1, 1, 1]);
    expect(scoresOf({ baseline: 'last', column: 'x' }, Float32Array.of(7, 7, 8, 8, 7))).toEqual([1, 1, 0, 0, 1]);
    // (1 + 20 · 0.6) / 22 and (2 + 20 · 0.6) / 23.
    const byKey = scoresOf({ baseline: 'rateBy', column: 'x' }, Float32Array.of(7, 8, 8, 7, 8));
    expect(byKey[0]).toBeCloseTo(12 / 22, 6);
    expect(byKey[1]).toBeCloseTo(15 / 23, 6);
  });

  it('weigh rows: a model that is trained by weight is not to beat one that is not', () => {
    const weights = Float32Array.of(1, 1, 1, 1, 6);
    const keys = Float32Array.of(7, 8, 8, 7, 8);
    const scoreOf = (baseline: 'majority' | 'rateBy') => {
      const table = fitBaseline(
        { baseline },
        { keys: baseline === 'majority' ? new Float32Array(5) : keys, labels, weights },
        BINARY,
      );
      const predictions = predictBaseline(table, [7, 9], BINARY);
      return predictions.task === 'binary' ? predictions.probabilities : [];
    };
    expect(scoreOf('majority')[1]).toBe(Math.fround(0.8));
    // Twenty rows of the mean weight 2 at 0.8, and the two of that key; the whole for a key that training never saw.
    expect([...scoreOf('rateBy')]).toEqual([Math.fround((40 * 0.8) / 42), Math.fround(0.8)]);
    const median = fitBaseline({ baseline: 'median' }, { keys, labels: [1, 5, 90, 7, 30], weights }, REGRESSION);
    expect([...median.answers]).toEqual([30]);
    const even = fitBaseline({ baseline: 'median' }, { keys, labels: [1, 5, 90, 7] }, REGRESSION);
    expect([...even.answers]).toEqual([6]);
  });

  it('tell hours of the week apart in a season, in any year', () => {
    const keys = baselineKeys(
      { baseline: 'seasonal' },
      { eventTs: Float64Array.of(0, -MICROS_PER_HOUR, 168 * MICROS_PER_HOUR), values: null },
    );
    expect(Array.from(keys)).toEqual([0, 167, 0]);
  });

  it('give the median of a regression and the shares of classes', () => {
    const keys = [0, 0, 0];
    const median = predictBaseline(
      fitBaseline({ baseline: 'median' }, { keys, labels: [1, 5, 90] }, REGRESSION),
      keys,
      REGRESSION,
    );
    expect(median).toMatchObject({ task: 'regression', values: Float32Array.of(5, 5, 5) });
    const shape = { task: 'multiclass', classes: ['a', 'b'] } as const;
    const shares = predictBaseline(
      fitBaseline({ baseline: 'majority' }, { keys, labels: [1, 1, 0] }, shape),
      [0],
      shape,
    );
    const [first, second] = shares.task === 'multiclass' ? [...shares.probabilities] : [];
    expect(first).toBeCloseTo(1 / 3, 6);
    expect(second).toBeCloseTo(2 / 3, 6);
  });
});
