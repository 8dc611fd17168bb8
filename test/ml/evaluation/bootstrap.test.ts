import { describe, expect, it } from 'vitest';
import { binaryStatistic } from '../../../ml/evaluation/binary-statistic.js';
import { bootstrap, estimatesOf, improvement } from '../../../ml/evaluation/bootstrap.js';
import { bcaLevels, intervalOf } from '../../../ml/evaluation/intervals.js';
import { normalCdf, normalQuantile } from '../../../ml/evaluation/normal.js';
import { expandedTail, studentQuantile } from '../../../ml/evaluation/small-samples.js';
import { blocksOf, createResampler, LARGE_SAMPLE_ROWS, type SamplingUnit } from '../../../ml/evaluation/resampling.js';
import type { Statistic } from '../../../ml/evaluation/statistic.js';
import { createUniform } from '../../../ml/random.js';

/** The mean of some values, as if it were a metric. */
function meanOf(values: readonly number[]): Statistic {
  return {
    metrics: ['mae'],
    measure(counts, into) {
      let [sum, total] = [0, 0];
      for (const [row, value] of values.entries()) {
        sum += (counts[row] ?? 0) * value;
        total += counts[row] ?? 0;
      }
      into[0] = sum / total;
    },
  };
}

describe('intervals', () => {
  // scipy 1.17.1: stats.bootstrap((x,), mean, n_resamples=9999, confidence_level=0.9, method=…).
  const x = [2.1, 3.4, 1.9, 8.8, 4.0, 3.3, 2.7, 5.1, 12.4, 3.9, 4.4, 2.2];
  const [resampled] = bootstrap([meanOf(x)], { unit: { kind: 'row', rows: x.length }, resamples: 9_999, seed: 5 });
  // Of ever so many units, since scipy does not expand.
  const mean = { ...(resampled?.of('mae') ?? expect.fail('nothing was resampled')), units: Number.POSITIVE_INFINITY };

  it('agree with the BCa interval of scipy up to the chance of the draws', () => {
    const interval = intervalOf(mean, 0.05);
    expect(interval?.method).toBe('bca');
    expect(Math.abs((interval?.lower ?? 0) - 3.425)).toBeLessThan(0.1);
    expect(Math.abs((interval?.upper ?? 0) - 6.5)).toBeLessThan(0.15);
  });

  it('agree with its percentile interval where there is no jackknife', () => {
    const interval = intervalOf({ ...mean, jackknife: null }, 0.05);
    expect(interval?.method).toBe('percentile');
    expect(Math.abs((interval?.lower ?? 0) - 3.2167)).toBeLessThan(0.1);
    expect(Math.abs((interval?.upper ?? 0) - 6.0083)).toBeLessThan(0.1);
  });

  it('have the levels of the BCa formula', () => {
    // By NumPy: z0 −0.13830420796140452, a 0.07907455344241682, levels at 5 % on either side.
    const sorted = Float64Array.from(
      { length: 200 },
      (_unused, draw) => (((draw * 7_919) % 997) / 997) * 4 + 2.6,
    ).sort();
    const jackknife = mean.jackknife ?? expect.fail('no jackknife');
    const levels = bcaLevels({ estimate: mean.estimate, sorted, jackknife, tail: 0.05 });
    expect(levels?.[0]).toBeCloseTo(0.04446177056372329, 6);
    expect(levels?.[1]).toBeCloseTo(0.9420238393444256, 6);
  });

  it('use a normal distribution that agrees with scipy', () => {
    expect(normalQuantile(0.001)).toBeCloseTo(-3.09023231, 7);
    expect(normalQuantile(0.3)).toBeCloseTo(-0.52440051, 7);
    expect(normalQuantile(0.999)).toBeCloseTo(3.09023231, 7);
    expect(normalCdf(-1.5)).toBeCloseTo(0.0668072, 6);
    expect(normalCdf(0.7)).toBeCloseTo(0.75803635, 6);
  });

  it('use a t distribution that agrees with its tables', () => {
    expect(studentQuantile(0.05, 9)).toBeCloseTo(-1.833113, 6);
    expect(studentQuantile(0.025, 9)).toBeCloseTo(-2.262157, 6);
    expect(studentQuantile(0.01, 13)).toBeCloseTo(-2.650309, 6);
    // Φ(−√(10/9) · 2.262157)
    expect(expandedTail(0.025, 10)).toBeCloseTo(0.008549, 5);
    expect(expandedTail(0.025, 1_000_000)).toBe(0.025);
  });

  it('are not read off the outermost resamples', () => {
    const draws = Float64Array.from({ length: 1_000 }, (_unused, draw) => draw);
    const of = (units: number) => ({ estimate: 500, draws, jackknife: null, units });
    expect(intervalOf(of(1_000), 0.0001)).toBeNull();
    expect(intervalOf(of(1_000), 0.005)?.lower).toBeCloseTo(4.9, 0);
    // Ten units ask for a level of 0.0003.
    expect(intervalOf(of(10), 0.005)).toBeNull();
    expect(intervalOf(of(10), 0.01)).not.toBeNull();
  });

  it('are not made where a tenth of the resamples has no value', () => {
    const draws = Float64Array.from({ length: 100 }, (_unused, draw) => (draw < 11 ? Number.NaN : draw));
    expect(intervalOf({ estimate: 50, draws, jackknife: null, units: 100 }, 0.05)).toBeNull();
  });
});

describe('resampling', () => {
  it('draws whole blocks, as many as there are', () => {
    const days = Array.from({ length: 60 }, (_unused, row) => Math.floor(row / 5));
    const counts = new Uint16Array(60);
    createResampler(blocksOf(days), 3)(counts);
    for (const [row, count] of counts.entries()) expect(count).toBe(counts[row - (row % 5)]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
  });

  it('draws Poisson counts of mean and variance 1 where there are many rows', () => {
    const rows = LARGE_SAMPLE_ROWS * 4;
    const counts = new Uint16Array(rows);
    createResampler({ kind: 'row', rows }, 9)(counts);
    const shares = [0, 1, 2, 3].map((count) => counts.filter((value) => value === count).length / rows);
    // e⁻¹/k!; the standard error of a share is below 0.0011.
    for (const [count, expected] of [0.36788, 0.36788, 0.18394, 0.06131].entries())
      expect(Math.abs((shares[count] ?? 0) - expected)).toBeLessThan(0.005);
    expect(Math.abs(counts.reduce((sum, count) => sum + count, 0) / rows - 1)).toBeLessThan(0.01);
  });
});

describe('the jackknife', () => {
  const jackknifeOf = (blocks: number) => {
    const passes: number[] = [];
    const values = Array.from({ length: blocks }, (_unused, row) => row);
    const [resampled] = bootstrap([meanOf(values)], {
      unit: blocksOf(values),
      resamples: 200,
      seed: 1,
      onPass: (done, all) => passes.push(done / all),
    });
    return { passes, jackknife: resampled?.of('mae').jackknife ?? expect.fail('no jackknife') };
  };

  it('leaves blocks out one by one, or in 200 groups where there are more, and reports each pass', () => {
    const few = jackknifeOf(12);
    expect(few.jackknife).toHaveLength(12);
    // Without block 0 the mean of 1 … 11, which is 6; all 12 have the mean 5.5.
    expect(few.jackknife[0]).toBe(6);
    const many = jackknifeOf(1_000);
    expect(many.jackknife).toHaveLength(200);
    // Without 0, 200, 400, 600 and 800.
    expect(many.jackknife[0]).toBeCloseTo((499_500 - 2_000) / 995, 9);
    expect(many.passes).toHaveLength(400);
    expect(many.passes.at(-1)).toBe(1);
  });
});

describe('the bootstrap of several contestants', () => {
  const days = Array.from({ length: 700 }, (_unused, row) => Math.floor(row / 50));
  const labels = days.map((_day, row) => (row % 3 === 0 ? 1 : 0));
  const good = Float32Array.from(labels, (label, row) => (label === 1 ? 0.6 : 0.3) + ((row * 7) % 10) / 50);
  const poor = Float32Array.from(labels, (_label, row) => 0.35 + ((row * 3) % 10) / 100);
  const statisticsOf = (...all: Float32Array[]) =>
    all.map((probabilities) => binaryStatistic({ probabilities, labels, threshold: 0.5 }));
  const run = (unit: SamplingUnit, all: Float32Array[]) =>
    bootstrap(statisticsOf(...all), { unit, resamples: 300, seed: 3 });

  it('is sure of a plain improvement and gives the same interval for the same seed', () => {
    const compare = () => {
      const [first, second] = run(blocksOf(days), [good, poor]);
      if (first === undefined || second === undefined) return expect.fail('nobody was resampled');
      return (['log_loss', 'roc_auc'] as const).map((metric) => intervalOf(improvement(first, second, metric), 0.05));
    };
    const [loss, auc] = compare();
    expect(compare()).toEqual([loss, auc]);
    expect(loss?.lower).toBeGreaterThan(0);
    expect(auc?.lower).toBeGreaterThan(0);
  });

  it('finds nothing between a model and itself', () => {
    const [first, second] = run(blocksOf(days), [good, good]);
    if (first === undefined || second === undefined) return expect.fail('nobody was resampled');
    expect(intervalOf(improvement(first, second, 'log_loss'), 0.05)).toMatchObject({ lower: 0, upper: 0 });
  });

  it('says that nine days are no evidence, and still what was seen', () => {
    const [first] = run(blocksOf(days.map((day) => Math.min(day, 8))), [good]);
    const metrics = estimatesOf(first ?? expect.fail('nobody was resampled'), 0.95);
    expect(metrics.roc_auc).toMatchObject({ state: 'no_evidence', method: 'none', lower: null });
    expect(metrics.roc_auc?.value).toBeGreaterThan(0.7);
  });

  it('is wider by days than by rows where rows of a day share their fate', () => {
    // Each day has a late rate of its own; the model does not know it.
    const uniform = createUniform(11);
    const rates = Array.from({ length: 14 }, () => 0.1 + 0.6 * uniform());
    const shared = days.map((day) => (uniform() < (rates[day] ?? 0) ? 1 : 0));
    const statistic = binaryStatistic({ probabilities: poor, labels: shared, threshold: 0.5 });
    const widthOf = (unit: SamplingUnit): number => {
      const [resampled] = bootstrap([statistic], { unit, resamples: 500, seed: 1 });
      const { lower, upper } = estimatesOf(resampled ?? expect.fail('nothing'), 0.95).base_rate ?? {};
      return (upper ?? 0) - (lower ?? 0);
    };
    expect(widthOf(blocksOf(days)) / widthOf({ kind: 'row', rows: 700 })).toBeGreaterThan(2);
  });
});

describe('coverage', () => {
  // Without the expansion the truth lies outside in 15 % of the trials with ten blocks, and in 14 % with fourteen.
  it.each([10, 14])('holds about the confidence it promises with %d blocks', (blocks) => {
    const uniform = createUniform(4);
    const unit = blocksOf(Array.from({ length: blocks }, (_unused, block) => block));
    const trials = 1_000;
    let missed = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const values = Array.from({ length: blocks }, () => normalQuantile(uniform()));
      const [resampled] = bootstrap([meanOf(values)], { unit, resamples: 300, seed: trial });
      const { lower, upper } = intervalOf(resampled?.of('mae') ?? expect.fail('nothing'), 0.05) ?? expect.fail('none');
      if (lower > 0 || upper < 0) missed += 1;
    }
    // 10 % asked for; two standard errors of the trials are 1.9 %.
    expect(missed / trials).toBeGreaterThan(0.08);
    expect(missed / trials).toBeLessThan(0.12);
  });

  it('holds about the confidence it promises, for a mean of skewed values', () => {
    const uniform = createUniform(21);
    let held = 0;
    const trials = 300;
    for (let trial = 0; trial < trials; trial += 1) {
      const values = Array.from({ length: 60 }, () => -Math.log(1 - uniform()));
      const [resampled] = bootstrap([meanOf(values)], { unit: { kind: 'row', rows: 60 }, resamples: 400, seed: trial });
      const { lower, upper } = intervalOf(resampled?.of('mae') ?? expect.fail('nothing'), 0.05) ?? {
        lower: 0,
        upper: 0,
      };
      if (lower <= 1 && 1 <= upper) held += 1;
    }
    // 90 % asked for; three standard errors of 300 trials are 5.2 %.
    expect(held / trials).toBeGreaterThan(0.85);
    expect(held / trials).toBeLessThan(0.96);
  });
});
