import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRolloutComputeActivities } from '../../activities/rollout-compute.js';
import { RolloutSpec } from '../../domain/model.js';
import type { Rollout, RolloutStep } from '../../domain/rollout.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { bucketOf, type LoggedRow } from '../jobs/prediction-rows.js';
import { type ComputeBench, NOW, openComputeBench, RESOURCES } from './compute-fixture.js';

const START = 983_404_800_000_000;
const STEP: RolloutStep = { index: 0, kind: 'canary', weight: 10, forMicros: MICROS_PER_DAY, minRows: 3 };

const ROLLOUT: Rollout = {
  rolloutId: 'r1',
  endpoint: 'flight-delay',
  model: 'flight-delay',
  version: 2,
  fromVersion: 1,
  requestId: 'request',
  workflowId: 'rollout/r1',
  spec: RolloutSpec.parse(RESOURCES.model.spec.rollout),
  state: 'canary',
  steps: [],
  judgedAt: null,
  reason: '',
  startedTs: NOW,
  endedTs: null,
};

describe('judging a rollout step from the prediction log', () => {
  let bench: ComputeBench;

  beforeEach(async () => {
    bench = await openComputeBench();
    await bench.apply(RESOURCES.endpoint);
    await bench.stores.endpoints.ensure('flight-delay', 'event');
    await bench.stores.endpoints.saveRollout(ROLLOUT);
  });

  afterEach(async () => {
    await bench.close();
  });

  function judge(now: number, rev = 5) {
    const { stores, runJob } = bench;
    const { judgeStep } = createRolloutComputeActivities({ stores, runJob, now: () => NOW });
    return judgeStep({ rolloutId: 'r1', step: STEP, rev, startedAt: START, now });
  }

  /** Rows that came true, scored by both versions. */
  async function log(rev: number, scores: { champion: number; challenger: number }): Promise<void> {
    const rows = [0, 1, 2, 3].map((index): LoggedRow => {
      const row = { id: `${rev}-${index}`, eventTs: START + index };
      return index === 0
        ? { ...row, version: 2, probability: scores.challenger, shadow: { 1: scores.champion } }
        : { ...row, version: 1, probability: scores.champion, shadow: { 2: scores.challenger } };
    });
    await bench.stores.predictions.insertBuckets([bucketOf(rows, { routeRev: rev, loggedTs: NOW })]);
    const labels = rows.map(({ id }) => ({ predictionId: id, outcome: 1, knownTs: NOW }));
    await bench.stores.predictions.saveGroundTruth('flight-delay', labels, NOW);
  }

  it('rolls back a version that is surely worse on the same rows, and keeps the evidence', async () => {
    await log(5, { champion: 0.75, challenger: 0.5 });
    const judgement = await judge(START + 1_000);
    expect(judgement).toEqual({
      action: 'rollback',
      // ln .75 − ln .5 on every row: the same harm four times has no spread.
      reasons: ['log loss harm 0.4055 [0.4055, 0.4055] against a limit of 0.02'],
    });
    expect((await bench.stores.endpoints.rollout('r1'))?.judgedAt).toBe(START + 1_000);
  });

  it('counts rows of its own route revision only', async () => {
    await log(4, { champion: 0.75, challenger: 0.5 });
    const judgement = await judge(START + MICROS_PER_DAY);
    expect(judgement.action).toBe('hold');
    expect(judgement.reasons[0]).toBe('0 rows so far, 3 needed');
  });

  it('proceeds with a version that is no worse once the time is over', async () => {
    await log(5, { champion: 0.5, challenger: 0.75 });
    expect((await judge(START + 1_000)).action).toBe('hold');
    expect((await judge(START + MICROS_PER_DAY)).action).toBe('proceed');
    expect(await judge(START + MICROS_PER_DAY)).toEqual(await judge(START + MICROS_PER_DAY));
  });

  it('names a rollout that does not exist', async () => {
    const { stores, runJob } = bench;
    const { judgeStep } = createRolloutComputeActivities({ stores, runJob, now: () => NOW });
    const missing = judgeStep({ rolloutId: 'nope', step: STEP, rev: 5, startedAt: START, now: START });
    await expect(missing).rejects.toMatchObject({ code: 'PRN_ROLLOUT_NOT_FOUND' });
  });
});
