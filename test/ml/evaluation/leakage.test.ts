import { describe, expect, it } from 'vitest';
import { fitBaseline, baselineKeys, predictBaseline } from '../../../ml/evaluation/baselines.js';
import { alarmOfFeature, alarmsOfSplit, qualityAlone } from '../../../ml/evaluation/leakage.js';
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
    alarmOfFeature('x', qualityAlone(part(make), part(make), BINARY), BINARY);

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

  it('of a regression is measured by R²', () => {
    const labels = Array.from({ length: 2_000 }, () => uniform() * 100);
    const copied = { labels, values: Float32Array.from(labels, (label) => 2 * label + 1) };
    expect(qualityAlone(copied, copied, REGRESSION)).toBeGreaterThan(0.999);
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
