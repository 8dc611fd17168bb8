import { describe, expect, it } from 'vitest';
import { RolloutSpec } from '../../domain/model.js';
import { judgeStep, planRollout, routesOfStep, type StepEvidence } from '../../domain/rollout.js';
import { MICROS_PER_DAY } from '../../domain/time.js';

const spec = RolloutSpec.parse({
  shadow: { minRows: 500 },
  canary: [
    { weight: 10, for: '2d' },
    { weight: 50, for: '2d' },
  ],
  bake: '1d',
  guardrails: [
    { metric: 'error_rate', max: 0.01 },
    { metric: 'latency_p99_ms', max: 50 },
    { metric: 'log_loss', against: 'champion', paired: true, maxHarm: 0.02 },
  ],
});
const [shadow, canary] = planRollout(spec, true);
if (shadow === undefined || canary === undefined) throw new Error('the plan has too few steps');

const evidence = (changes: Partial<StepEvidence> = {}): StepEvidence => ({
  rolloutId: 'r1',
  step: 1,
  rev: 3,
  from: 0,
  watermark: 2 * MICROS_PER_DAY,
  rows: 800,
  failedRows: 0,
  latencyP99Ms: 12,
  paired: { rows: 780, meanHarm: -0.004, standardError: 0.0045 },
  ...changes,
});

describe('planRollout', () => {
  it('gives a first version all traffic at once', () => {
    expect(planRollout(spec, false)).toEqual([{ index: 0, kind: 'direct', weight: 100, forMicros: 0, minRows: 0 }]);
  });

  it('goes through shadow, canary steps and bake', () => {
    expect(planRollout(spec, true).map(({ kind, weight }) => `${kind} ${weight}`)).toEqual([
      'shadow 0',
      'canary 10',
      'canary 50',
      'bake 100',
    ]);
  });
});

describe('routesOfStep', () => {
  it('lets both versions score all rows of a canary', () => {
    expect(routesOfStep(canary, { from: 1, to: 2 })).toEqual({
      routes: [
        { version: 1, weight: 90 },
        { version: 2, weight: 10 },
      ],
      shadow: [1, 2],
    });
  });

  it('keeps the champion on all traffic in shadow', () => {
    expect(routesOfStep(shadow, { from: 1, to: 2 })).toEqual({ routes: [{ version: 1, weight: 100 }], shadow: [2] });
  });
});

describe('judgeStep', () => {
  const judge = (
    changes: Partial<StepEvidence> = {},
    elapsedMicros = 2 * MICROS_PER_DAY,
    noEvidence: 'hold' | 'rollback' | 'proceed' = 'hold',
  ) => judgeStep({ step: canary, spec: { ...spec, noEvidence }, evidence: evidence(changes), elapsedMicros });

  it('proceeds when time is over and every guardrail is satisfied', () => {
    expect(judge().action).toBe('proceed');
  });

  it('holds until the time of the step is over', () => {
    expect(judge({}, MICROS_PER_DAY)).toMatchObject({ action: 'hold', reasons: ['the time of this step is not over'] });
  });

  it('rolls back on a breach before anything else is asked, even in the first minute and with few rows', () => {
    const verdict = judge({ rows: 50, failedRows: 1 }, 0);
    expect(verdict.action).toBe('rollback');
    expect(verdict.reasons).toEqual(['error_rate 0.0200 exceeds 0.01']);
  });

  it('rolls back on harm that is above the limit and surely positive', () => {
    // lower bound 0.03 − 1.6449 × 0.005 = 0.0218 > 0
    expect(judge({ paired: { rows: 800, meanHarm: 0.03, standardError: 0.005 } }).action).toBe('rollback');
  });

  it('has no evidence when harm could still lie on either side of the limit', () => {
    // upper bound 0.01 + 1.6449 × 0.01 = 0.0264 > 0.02, and 0.01 is below the limit
    const paired = { rows: 800, meanHarm: 0.01, standardError: 0.01 };
    expect(judge({ paired }).action).toBe('hold');
    expect(judge({ paired }, 2 * MICROS_PER_DAY, 'rollback').action).toBe('rollback');
    expect(judge({ paired }, 2 * MICROS_PER_DAY, 'proceed').action).toBe('proceed');
  });

  it('does not call missing labels success', () => {
    const verdict = judge({ paired: null });
    expect(verdict.action).toBe('hold');
    expect(verdict.reasons).toEqual(['log loss: 0 labelled rows scored by both versions, 100 needed']);
  });

  it('does not call missing traffic success', () => {
    const verdict = judge({ rows: 0, latencyP99Ms: null, paired: null });
    expect(verdict.action).toBe('hold');
    expect(verdict.reasons[0]).toBe('0 rows so far, 100 needed');
  });
});
