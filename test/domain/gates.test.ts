import { describe, expect, it } from 'vitest';
import { Evidence, unjudgedEvidence, withHoldoutUse } from '../../domain/evaluation.js';
import { judgeBound, judgeBuiltIn, judgeComparison, judgeSlices } from '../../domain/gate-results.js';
import {
  BoundGate,
  ComparisonGate,
  decideGates,
  Gate,
  judgedRange,
  type Observation,
  SliceGate,
  verdictOf,
} from '../../domain/gates.js';

const seen: Observation = { estimate: 0.012, lower: 0.004, upper: 0.021, rows: 2_800, blocks: 14, unit: 'day' };
const vague: Observation = { ...seen, lower: -0.003 };
const few: Observation = { ...seen, lower: Number.NaN, upper: Number.NaN, blocks: 9 };

describe('a gate against another model', () => {
  const superior = ComparisonGate.parse({
    metric: 'log_loss',
    against: 'champion',
    minImprovement: 0,
    confidence: 0.95,
  });
  const notWorse = ComparisonGate.parse({
    metric: 'roc_auc',
    against: 'champion',
    nonInferiorityMargin: 0.005,
    confidence: 0.95,
  });

  it('asks the lower bound to lie above the improvement wanted, or above minus the margin', () => {
    expect(judgeComparison(superior, seen).verdict).toBe('passed');
    expect(judgeComparison(superior, vague).verdict).toBe('failed');
    expect(judgeComparison(notWorse, vague).verdict).toBe('passed');
    expect(judgeComparison(notWorse, { ...seen, lower: -0.006 }).verdict).toBe('failed');
  });

  it('judges the estimate where no confidence is asked for', () => {
    const plain = ComparisonGate.parse({ metric: 'log_loss', against: 'champion', minImprovement: 0.01 });
    expect(judgeComparison(plain, vague).verdict).toBe('passed');
    expect(judgeComparison(plain, { ...seen, estimate: 0.01 }).verdict).toBe('failed');
  });

  it('is not passed by nine days, and says how many there were', () => {
    const result = judgeComparison(superior, few);
    expect(result).toMatchObject({ verdict: 'no_evidence', interval: null, observed: 0.012, blocks: 9 });
    expect(result.explanation).toContain('9 days (2800 rows) are too few');
  });

  it('is not passed by a bound that the resamples cannot bear, and says what to change', () => {
    const result = judgeComparison({ ...superior, confidence: 0.9999 }, { ...few, blocks: 14 });
    expect(result.verdict).toBe('no_evidence');
    expect(result.explanation).toContain('too few for a bound with 99.99 % confidence');
    expect(result.explanation).toContain('raise evaluation.resamples');
  });

  it('does not apply where there is no champion', () => {
    expect(judgeComparison(superior, null)).toMatchObject({ verdict: 'not_applicable', observed: null });
  });
});

describe('a bound on a metric', () => {
  it('is judged by the estimate, or by the bound nearer to failing', () => {
    const auc = { ...seen, estimate: 0.71, lower: 0.69, upper: 0.73 };
    const plain = BoundGate.parse({ metric: 'roc_auc', min: 0.7 });
    expect(judgeBound(plain, auc).verdict).toBe('passed');
    expect(judgeBound({ ...plain, confidence: 0.95 }, auc).verdict).toBe('failed');
    expect(judgeBound({ ...plain, confidence: 0.95 }, { ...few, estimate: 0.71 }).verdict).toBe('no_evidence');
    expect(judgeBound(plain, { ...few, estimate: 0.71 }).verdict).toBe('passed');
  });

  it('takes a gap by its magnitude: both one-sided bounds have to lie within', () => {
    const gate = BoundGate.parse({ metric: 'calibration_gap', max: 0.03, confidence: 0.95 });
    const gap = { ...seen, estimate: -0.02, lower: -0.028, upper: 0.001 };
    expect(judgeBound(gate, gap)).toMatchObject({
      verdict: 'passed',
      observed: 0.02,
      interval: { lower: 0, upper: 0.028 },
    });
    expect(judgeBound(gate, { ...gap, lower: -0.031 }).verdict).toBe('failed');
    expect(judgeBound(BoundGate.parse({ metric: 'calibration_gap', max: 0.01 }), gap).verdict).toBe('failed');
  });

  it('is not passed by a metric that is not defined on the rows', () => {
    const gate = BoundGate.parse({ metric: 'roc_auc', min: 0.5 });
    expect(judgeBound(gate, { ...few, estimate: Number.NaN })).toMatchObject({
      verdict: 'no_evidence',
      observed: null,
    });
    expect(judgeBound(gate, { ...seen, estimate: Number.NaN }).explanation).toContain('not defined on these 14 days');
  });
});

describe('a gate over slices', () => {
  const gate = SliceGate.parse({ slice: 'origin', metric: 'calibration_gap', max: 0.08, minRows: 500 });
  const slice = (value: string, estimate: number) => ({
    ...seen,
    value,
    estimate,
    lower: estimate - 0.01,
    upper: estimate + 0.01,
  });

  it('is decided by the worst value', () => {
    const result = judgeSlices(gate, [slice('ATL', 0.02), slice('ORD', -0.09), slice('DFW', 0.05)], 200);
    expect(result).toMatchObject({ verdict: 'failed', slice: 'ORD', observed: 0.09 });
    expect(result.explanation).toContain('200 with fewer than 500 rows were not');
    expect(judgeSlices(gate, [slice('ATL', 0.02)], 0)).toMatchObject({ verdict: 'passed', slice: 'ATL' });
  });

  it('is not passed where no value has enough rows', () => {
    const long = judgeSlices(gate, [slice('x'.repeat(5_000), 0.02)], 0);
    expect(long.explanation).toContain(`where ${gate.slice} is ${'x'.repeat(79)}… (`);
    expect(judgeSlices(gate, [], 229).verdict).toBe('no_evidence');
  });

  it('is not passed while a value with enough rows cannot be judged, and names it', () => {
    const sure = { ...gate, confidence: 0.95 };
    const nineDays = { ...few, value: 'NEW', estimate: 0.4, rows: 3_000 };
    const result = judgeSlices(sure, [slice('ATL', 0.02), nineDays], 0);
    expect(result).toMatchObject({ verdict: 'no_evidence', slice: 'NEW', observed: 0.4, rows: 3_000, blocks: 9 });
    expect(result.explanation).toContain('cannot be judged where origin is NEW (3000 rows, 9 days)');
    // A slice of one class has no ROC AUC.
    const auc = SliceGate.parse({ slice: 'origin', metric: 'roc_auc', min: 0.6 });
    const oneClass = { ...slice('NEW', Number.NaN) };
    expect(judgeSlices(auc, [slice('ATL', 0.9), oneClass], 0)).toMatchObject({ verdict: 'no_evidence', slice: 'NEW' });
  });

  it('fails by the value that breaks the bound, also where another cannot be judged', () => {
    const sure = { ...gate, confidence: 0.95 };
    const result = judgeSlices(sure, [{ ...few, value: 'NEW' }, slice('ORD', -0.09)], 0);
    expect(result).toMatchObject({ verdict: 'failed', slice: 'ORD' });
    expect(result.explanation).toContain('the worst of 1 values judged');
    expect(result.explanation).toContain('cannot be judged where origin is NEW');
  });
});

describe('declared gates', () => {
  it('name baselines with the columns they need', () => {
    const against = (baseline: object) =>
      Gate.safeParse({ metric: 'roc_auc', against: baseline, minImprovement: 0 }).success;
    expect(against({ baseline: 'rateBy', column: 'hour' })).toBe(true);
    expect(against({ baseline: 'rateBy' })).toBe(false);
    expect(against({ baseline: 'seasonal' })).toBe(true);
    expect(against({ baseline: 'majority', column: 'hour' })).toBe(false);
    expect(Gate.safeParse({ metric: 'base_rate', against: 'champion', minImprovement: 0 }).success).toBe(false);
  });
});

describe('the decision', () => {
  const gates = [
    judgeComparison(
      ComparisonGate.parse({ metric: 'log_loss', against: 'champion', minImprovement: 0, confidence: 0.95 }),
      seen,
    ),
    judgeBound(BoundGate.parse({ metric: 'calibration_gap', max: 0.01 }), seen),
    judgeSlices(SliceGate.parse({ slice: 'hour', metric: 'calibration_gap', max: 0.1 }), [{ ...seen, value: '7' }], 1),
    judgeBuiltIn({ check: 'leakage' }, { found: 0, rows: 2_800, explanation: 'nothing suspicious' }),
  ];
  const ref = {
    uri: `artifact://sha256/${'0'.repeat(64)}`,
    sha256: '0'.repeat(64),
    bytes: 0,
    mediaType: 'application/json',
  };
  const stored = JSON.stringify({ ...unjudgedEvidence('binary', ref), gates, ...decideGates(gates) });

  it('can be recomputed from a stored document', () => {
    const evidence = Evidence.parse(JSON.parse(stored));
    expect(evidence.gates.map(verdictOf)).toEqual(['passed', 'failed', 'passed', 'passed']);
    expect(evidence.gates.map(({ verdict }) => verdict)).toEqual(evidence.gates.map(verdictOf));
    expect(decideGates(evidence.gates)).toEqual({ outcome: evidence.outcome, reasons: evidence.reasons });
    expect(evidence.outcome).toBe('rejected');
  });

  it('judges the bounds where a confidence is named, else the estimate, and nothing where that is not there', () => {
    const numbers = { observed: 0.2, interval: { lower: 0.1, upper: 0.4, confidence: 0.95 } };
    expect(judgedRange({ confidence: 0.95 }, numbers)).toEqual({ least: 0.1, most: 0.4 });
    expect(judgedRange({}, numbers)).toEqual({ least: 0.2, most: 0.2 });
    expect(judgedRange({ confidence: 0.95 }, { ...numbers, interval: null })).toBeNull();
    expect(judgedRange({}, { ...numbers, observed: null })).toBeNull();
  });

  it('does not believe a verdict that the numbers beside it contradict', () => {
    const evidence = Evidence.parse(JSON.parse(stored));
    const forged = evidence.gates.map((gate) => ({ ...gate, verdict: 'passed' as const }));
    expect(decideGates(forged).outcome).toBe('rejected');
  });

  it('refuses a holdout by which a version came to production already, and counts attempts', () => {
    const evidence = unjudgedEvidence('binary', ref);
    const fresh = withHoldoutUse(evidence, { attempt: 3, promotedVersion: null });
    expect(fresh.outcome).toBe('passed');
    expect(fresh.gates[0]?.explanation).toContain('attempt 3');
    const overlap = { attempts: 13, promotions: 2, share: 13 / 14 };
    const daily = withHoldoutUse(evidence, { attempt: 1, promotedVersion: null, overlap });
    expect(daily.outcome).toBe('passed');
    expect(daily.gates[0]?.explanation).toContain(
      '13 other attempts, 2 of them in production, were judged by holdouts that overlap with it, by up to 93 % of its time',
    );
    const used = withHoldoutUse(evidence, { attempt: 4, promotedVersion: 2 });
    expect(used.outcome).toBe('rejected');
    expect(used.reasons[0]).toContain('version 2 came to production by these very rows');
  });
});
