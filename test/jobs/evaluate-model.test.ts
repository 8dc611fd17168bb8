import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { keepEvidence } from '../../activities/evidence-artifact.js';
import { evaluateModel } from '../../activities/jobs/evaluate-model.js';
import { trainModel } from '../../activities/jobs/train-model.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import { gateLine } from '../../domain/evaluation.js';
import { type EvaluationMetrics, type MetricName, metricValue } from '../../domain/metrics.js';
import { ModelProfile } from '../../domain/model-profile.js';
import { EvaluatedModel, TrainedModel } from '../../domain/training.js';
import {
  type JobBench,
  openJobBench,
  PLAN,
  snapshotOf,
  type StoredTraining,
  storeTraining,
} from './training-fixture.js';

const GATES = [
  { metric: 'log_loss', against: 'champion', minImprovement: 0 },
  { metric: 'roc_auc', against: 'champion', nonInferiorityMargin: 0.005 },
  { metric: 'roc_auc', against: { baseline: 'rateBy', column: 'hour' }, minImprovement: 0.01 },
  { metric: 'calibration_gap', max: 0.1 },
];

describe('evaluation job', () => {
  let bench: JobBench;
  let stored: StoredTraining;
  let trained: ArtifactRef;
  /** Trained on the same rows with a single tree: clearly worse. */
  let weakBundle: Bundle;
  let bundle: Bundle;

  beforeAll(async () => {
    bench = await openJobBench();
    const weak = { ...(await storeTraining(bench, snapshotOf({ trees: 1 }))), plan: PLAN };
    weakBundle = (await read(await trainModel(weak, bench.context))).bundle;
    stored = await storeTraining(bench, snapshotOf({ gates: GATES, champion: 1 }));
    const result = await trainModel({ ...stored, plan: PLAN }, bench.context);
    trained = result.trained;
    bundle = (await read(result)).bundle;
  });

  afterAll(async () => {
    await bench.close();
  });

  function valueOf(metrics: EvaluationMetrics | null | undefined, metric: MetricName): number {
    return metricValue(metrics ?? {}, metric) ?? expect.fail(`no ${metric}`);
  }

  function read({ trained: ref }: { trained: ArtifactRef }): Promise<TrainedModel> {
    return getJson(bench.context.artifacts, ref, TrainedModel);
  }

  it('passes a challenger that is surely better than the champion and the baseline', async () => {
    const { evidence } = await evaluateModel({ ...stored, trained, champion: weakBundle }, bench.context);
    expect(evidence.outcome).toBe('passed');
    expect(evidence.gates.map(({ verdict }) => verdict)).toEqual(['passed', 'passed', 'passed', 'passed', 'passed']);
    // 14 whole UTC days of holdout, each one block of the bootstrap.
    expect(evidence.gates.map(({ blocks }) => blocks)).toEqual([14, 14, 14, 14, 0]);
    expect(evidence.championVersion).toBe(1);
    const gain = valueOf(evidence.championMetrics, 'log_loss') - valueOf(evidence.metrics, 'log_loss');
    expect(evidence.gates[0]?.observed).toBeCloseTo(gain, 10);
    const baseline = evidence.baselineMetrics['rateBy(hour)'];
    expect(evidence.gates[2]?.observed).toBeCloseTo(
      valueOf(evidence.metrics, 'roc_auc') - valueOf(baseline, 'roc_auc'),
      10,
    );
    expect(gateLine(evidence.gates[0] ?? expect.fail('no gate'))).toMatch(
      /^passed — log_loss better than champion: improvement \+0\.\d{4}/,
    );
  });

  it('finds no improvement of a bundle over itself, and says so', async () => {
    const { evidence } = await evaluateModel({ ...stored, trained, champion: bundle }, bench.context);
    expect(evidence.gates[0]).toMatchObject({ verdict: 'failed', observed: 0, interval: { lower: 0, upper: 0 } });
    expect(evidence.gates[1]).toMatchObject({ verdict: 'passed', observed: 0 });
    expect(evidence.championMetrics).toEqual(evidence.metrics);
    expect(evidence.outcome).toBe('rejected');
    expect(evidence.reasons).toHaveLength(1);
  });

  it('skips champion gates where there is no champion', async () => {
    const { evidence } = await evaluateModel({ ...stored, trained, champion: null }, bench.context);
    expect(evidence.gates.map(({ verdict }) => verdict)).toEqual([
      'not_applicable',
      'not_applicable',
      'passed',
      'passed',
      'passed',
    ]);
    expect(evidence.championMetrics).toBeNull();
    expect(evidence.outcome).toBe('passed');
  });

  it('does not pass a challenger whose champion reads what this dataset does not hold', async () => {
    const [first, ...rest] = weakBundle.plan.inputs;
    const inputs = [{ ...(first ?? expect.fail('no input')), name: 'seats' }, ...rest];
    const champion = { ...weakBundle, plan: { ...weakBundle.plan, inputs } };
    const { evidence } = await evaluateModel({ ...stored, trained, champion }, bench.context);
    expect(evidence.gates[0]).toMatchObject({ verdict: 'no_evidence' });
    expect(evidence.outcome).toBe('rejected');
    expect(evidence.reasons[0]).toBe('the champion reads seats, which the training dataset of this run does not hold');
  });

  it('keeps evidence with the same digest every time, and the profile of holdout predictions', async () => {
    const input = { ...stored, trained, champion: weakBundle };
    const [first, second] = [await evaluateModel(input, bench.context), await evaluateModel(input, bench.context)];
    const evaluated = await keepEvidence(bench.context.artifacts, first.evidence);
    expect(await keepEvidence(bench.context.artifacts, second.evidence)).toEqual(evaluated);
    expect(second.trained).toEqual(first.trained);
    const kept = await getJson(bench.context.artifacts, evaluated, EvaluatedModel);
    expect(kept.evidence).toEqual(first.evidence);
    const { bundle: completed } = await read(first);
    const profile = await getJson(bench.context.artifacts, completed.referenceProfile, ModelProfile);
    expect(profile.inputs.rows).toBe(4_000);
    expect(profile.prediction).toMatchObject({ count: 1_400, nulls: 0 });
    const counts = profile.prediction.histogram?.counts ?? [];
    expect(counts).toHaveLength(10);
    // Ten bins of equal mass over 1400 predictions, ties aside.
    for (const count of counts) expect(Math.abs(count - 140)).toBeLessThan(30);
  });

  it('stops when it is cancelled', async () => {
    const context = { ...bench.context, signal: AbortSignal.abort(new Error('asked to stop')) };
    await expect(evaluateModel({ ...stored, trained, champion: null }, context)).rejects.toThrow('asked to stop');
  });

  it('refuses an empty holdout', async () => {
    const empty = await storeTraining(bench, snapshotOf(), { trainRows: 4_000, holdoutRows: 0 });
    const input = { ...empty, trained, champion: null };
    await expect(evaluateModel(input, bench.context)).rejects.toMatchObject({ code: 'PRN_TRAINING_NO_ROWS' });
  });
});
