import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseThreshold, evaluateBinary, rocAuc } from '../../../ml/evaluation/metrics.js';
import { logLossImprovement, rocAucImprovement } from '../../../ml/evaluation/block-bootstrap.js';

describe('rocAuc', () => {
  it('is the share of ordered pairs, ties counting half', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ score: fc.integer({ min: 0, max: 5 }), label: fc.constantFrom(0, 1) }), {
          minLength: 2,
          maxLength: 40,
        }),
        (rows) => {
          const pairs = rows.flatMap((left) =>
            rows
              .filter(({ label }) => left.label === 1 && label === 0)
              .map((right) => Math.sign(left.score - right.score)),
          );
          const expected =
            pairs.length === 0 ? Number.NaN : pairs.reduce((sum, sign) => sum + (sign + 1) / 2, 0) / pairs.length;
          const got = rocAuc(
            Float32Array.from(rows, ({ score }) => score),
            rows.map(({ label }) => label),
          );
          expect(Number.isNaN(expected) ? Number.isNaN(got) : Math.abs(got - expected) < 1e-12).toBe(true);
        },
      ),
    );
  });
});

describe('evaluateBinary', () => {
  it('gives the values of a hand-counted example', () => {
    // Decisions 1 1 1 0 0 against 1 1 0 0 1: TP 2, FP 1, TN 1, FN 1. Log loss by hand from the five probabilities.
    const metrics = evaluateBinary({
      probabilities: Float32Array.from([0.9, 0.8, 0.6, 0.3, 0.2]),
      labels: [1, 1, 0, 0, 1],
      threshold: 0.5,
    });
    expect(metrics).toMatchObject({ rows: 5, baseRate: 0.6, accuracy: 0.6, precision: 2 / 3, recall: 2 / 3 });
    expect(metrics.logLoss).toBeCloseTo(
      (-Math.log(0.9) - Math.log(0.8) - Math.log(0.4) - Math.log(0.7) - Math.log(0.2)) / 5,
      6,
    );
    expect(metrics.rocAuc).toBeCloseTo(4 / 6, 12);
    expect(metrics.calibrationGap).toBeCloseTo(2.8 / 5 - 0.6, 6);
  });
});

describe('chooseThreshold', () => {
  it('takes the lowest threshold with the greatest F1', () => {
    expect(chooseThreshold(Float32Array.from([0.1, 0.25, 0.5, 0.75]), [0, 0, 1, 1])).toBe(0.5);
  });
});

describe('the paired day bootstrap', () => {
  const days = 14;
  const perDay = 50;
  const rows = days * perDay;
  const blocks = Array.from({ length: rows }, (_unused, row) => Math.floor(row / perDay));
  const labels = blocks.map((_day, row) => (row % 3 === 0 ? 1 : 0));
  const good = Float32Array.from(labels, (label, row) => (label === 1 ? 0.6 : 0.3) + ((row * 7) % 10) / 50);
  const poor = Float32Array.from(labels, (_label, row) => 0.35 + ((row * 3) % 10) / 100);
  const options = { confidence: 0.95, resamples: 300, seed: 3 };

  it('is sure of a plain improvement and gives the same interval for the same seed', () => {
    const pair = { labels, challenger: good, other: poor, blocks };
    const loss = logLossImprovement(pair, options);
    expect(loss).toEqual(logLossImprovement(pair, options));
    expect(loss.state).toBe('ok');
    expect([loss.blocks, loss.rows]).toEqual([14, 700]);
    expect(loss.lower).toBeGreaterThan(0);
    expect(loss.lower).toBeLessThanOrEqual(loss.estimate);
    expect(rocAucImprovement(pair, options).lower).toBeGreaterThan(0);
  });

  it('finds nothing between a model and itself', () => {
    expect(logLossImprovement({ labels, challenger: good, other: good, blocks }, options)).toMatchObject({
      estimate: 0,
      lower: 0,
      upper: 0,
    });
  });

  it('says that nine days are no evidence', () => {
    const few = blocks.map((day) => Math.min(day, 8));
    expect(logLossImprovement({ labels, challenger: good, other: poor, blocks: few }, options).state).toBe(
      'no_evidence',
    );
  });
});
