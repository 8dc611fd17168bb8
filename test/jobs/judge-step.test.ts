import { describe, expect, it } from 'vitest';
import { judgeRolloutStep } from '../../activities/jobs/judge-step.js';
import { gatherStepEvidence, type StepRows } from '../../activities/jobs/step-evidence.js';
import { RolloutSpec } from '../../domain/model.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { bucketOf, type LoggedRow } from './prediction-rows.js';

const START = 10 * MICROS_PER_DAY;
const NEW = 2;
const CHAMPION = 1;

function stepRows(changes: Partial<StepRows>): StepRows {
  return {
    rolloutId: 'r1',
    step: 1,
    rev: 7,
    version: NEW,
    fromVersion: CHAMPION,
    clock: 'event',
    startedAt: START,
    now: START + 10 * MICROS_PER_DAY,
    buckets: [],
    labels: new Map(),
    ...changes,
  };
}

describe('step evidence', () => {
  it('is empty without rows', () => {
    expect(gatherStepEvidence(stepRows({}))).toEqual({
      rolloutId: 'r1',
      step: 1,
      rev: 7,
      from: START,
      watermark: START + 10 * MICROS_PER_DAY,
      rows: 0,
      failedRows: 0,
      latencyP99Ms: null,
      paired: null,
    });
  });

  it('counts only rows of the own route revision that happened within the step', () => {
    const row = (id: string, eventTs: number): LoggedRow => ({ id, eventTs, version: NEW, probability: 0.5 });
    const buckets = [
      bucketOf([row('before', START - 1), row('first', START), row('later', START + 10 * MICROS_PER_DAY)], {
        routeRev: 7,
      }),
      bucketOf([row('older revision', START + 1)], { routeRev: 6 }),
    ];
    expect(gatherStepEvidence(stepRows({ buckets })).rows).toBe(1);
  });

  it('goes by the time of logging under the wall clock', () => {
    const row: LoggedRow = { id: 'a', eventTs: START - 5, version: NEW, probability: 0.5 };
    const early = bucketOf([row], { routeRev: 7, loggedTs: START - 1 });
    const late = bucketOf([{ ...row, id: 'b' }], { routeRev: 7, loggedTs: START });
    expect(gatherStepEvidence(stepRows({ clock: 'wall', buckets: [early, late] })).rows).toBe(1);
  });

  it('counts failures of the new version and takes latency from its live answers only', () => {
    const rows: LoggedRow[] = [
      ...Array.from({ length: 98 }, (_value, index) => ({
        id: `live-${index}`,
        eventTs: START,
        version: NEW,
        probability: 0.4,
        latencyMs: index + 1,
      })),
      { id: 'failed', eventTs: START, version: NEW, probability: Number.NaN, error: 1 },
      { id: 'nobody', eventTs: START, version: 0, probability: Number.NaN, error: 1 },
      { id: 'champion', eventTs: START, version: CHAMPION, probability: 0.3, latencyMs: 900, shadow: { 2: 0.35 } },
      { id: 'champion failed', eventTs: START, version: CHAMPION, probability: Number.NaN, error: 1 },
      { id: 'unscored', eventTs: START, version: CHAMPION, probability: 0.3 },
    ];
    const evidence = gatherStepEvidence(stepRows({ buckets: [bucketOf(rows, { routeRev: 7 })] }));
    // 98 live answers + 2 failures + 1 shadow score; nearest rank ⌈0.99 · 98⌉ = 98.
    expect(evidence).toMatchObject({ rows: 101, failedRows: 2, latencyP99Ms: 98, paired: null });
  });

  it('pairs live and shadow scores of labelled rows, with the error over rows when there are under three days', () => {
    const rows: LoggedRow[] = [
      { id: 'a', eventTs: START, version: NEW, probability: 0.5, shadow: { 1: 0.75 } },
      { id: 'b', eventTs: START, version: CHAMPION, probability: 0.5, shadow: { 2: 0.25 } },
      { id: 'unlabelled', eventTs: START, version: CHAMPION, probability: 0.5, shadow: { 2: 0.25 } },
    ];
    const labels = new Map<string, 0 | 1>([
      ['a', 1],
      ['b', 0],
    ]);
    const { paired } = gatherStepEvidence(stepRows({ labels, buckets: [bucketOf(rows, { routeRev: 7 })] }));
    // Harm of a: ln .75 − ln .5 = 0.405465; of b: −ln .75 + ln .5 = −0.405465. Mean 0; sd = .573414, / √2 = .405465.
    expect(paired?.rows).toBe(2);
    expect(paired?.meanHarm).toBeCloseTo(0, 12);
    expect(paired?.standardError).toBeCloseTo(0.405465, 6);
  });

  it('takes the error between days when the rows of a day move together', () => {
    const harmful = { probability: 0.5, shadow: { 1: 0.75 } };
    const helpful = { probability: 0.75, shadow: { 1: 0.5 } };
    const rows: LoggedRow[] = [0, 1, 2, 3].flatMap((day) =>
      Array.from({ length: 25 }, (_value, index) => ({
        id: `${day}-${index}`,
        eventTs: START + day * MICROS_PER_DAY + index,
        version: NEW,
        ...(day % 2 === 0 ? harmful : helpful),
      })),
    );
    const labels = new Map(rows.map(({ id }) => [id, 1 as const]));
    const { paired } = gatherStepEvidence(stepRows({ labels, buckets: [bucketOf(rows, { routeRev: 7 })] }));
    // Day sums of deviations are ±25 · .405465; √(4/3 · 4 · (25 · .405465)²) / 100 = .234095. Over rows: .040751.
    expect(paired?.standardError).toBeCloseTo(0.234095, 6);
  });
});

describe('judging a rollout step', () => {
  const spec = RolloutSpec.parse({
    minRows: 2,
    guardrails: [{ metric: 'error_rate', max: 0.01 }],
  });
  const step = { index: 1, kind: 'canary', weight: 10, forMicros: MICROS_PER_DAY, minRows: 2 } as const;
  const context = { signal: new AbortController().signal };

  it('rolls back a version that fails every row', async () => {
    const rows = [{ id: 'x', eventTs: START, version: 0, probability: Number.NaN, error: 1 as const }];
    const input = { step, spec, rows: stepRows({ buckets: [bucketOf(rows, { routeRev: 7 })] }) };
    const { verdict } = await judgeRolloutStep(input, context);
    expect(verdict).toMatchObject({ action: 'rollback', reasons: ['error_rate 1.0000 exceeds 0.01'] });
  });

  it('holds until the time of the step is over, then proceeds', async () => {
    const rows: LoggedRow[] = ['a', 'b'].map((id) => ({ id, eventTs: START, version: NEW, probability: 0.5 }));
    const buckets = [bucketOf(rows, { routeRev: 7 })];
    const early = { step, spec, rows: stepRows({ buckets, now: START + 1_000 }) };
    expect((await judgeRolloutStep(early, context)).verdict.action).toBe('hold');
    const due = { step, spec, rows: stepRows({ buckets, now: START + MICROS_PER_DAY }) };
    expect((await judgeRolloutStep(due, context)).verdict.action).toBe('proceed');
  });

  it('does nothing for a cancelled job', async () => {
    const input = { step, spec, rows: stepRows({}) };
    await expect(judgeRolloutStep(input, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  });
});
