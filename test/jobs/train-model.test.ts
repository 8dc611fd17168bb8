import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { evaluateModel } from '../../activities/jobs/evaluate-model.js';
import { readModelRows } from '../../activities/jobs/model-rows.js';
import { scoreBundle } from '../../activities/jobs/model-scoring.js';
import { trainModel } from '../../activities/jobs/train-model.js';
import type { TrainingInput } from '../../activities/jobs/training-parts.js';
import { loadCheckpoint, TrainingCheckpoint } from '../../activities/jobs/training-checkpoint.js';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import { type Bundle, GoldenRows } from '../../domain/bundle.js';
import { ModelProfile } from '../../domain/model-profile.js';
import { TrainedModel, TrainingDataset } from '../../domain/training.js';
import { chooseThreshold } from '../../ml/evaluation/decision-threshold.js';
import { createSession } from '../../ml/onnx/session.js';
import { type JobBench, openJobBench, PLAN, snapshotOf, storeTraining } from './training-fixture.js';

describe('training job', () => {
  let bench: JobBench;

  beforeEach(async () => {
    bench = await openJobBench();
  });

  afterEach(async () => {
    await bench.close();
  });

  async function inputOf(changes: Parameters<typeof snapshotOf>[0] = {}): Promise<TrainingInput> {
    return { ...(await storeTraining(bench, snapshotOf(changes))), plan: PLAN };
  }

  async function bundleOf(input: TrainingInput): Promise<Bundle> {
    const { trained } = await trainModel(input, bench.context);
    return (await getJson(bench.context.artifacts, trained, TrainedModel)).bundle;
  }

  it('gives the same bundle digest for the same inputs', async () => {
    const input = await inputOf();
    const first = await trainModel(input, bench.context);
    const second = await trainModel(input, bench.context);
    expect(bench.reported.filter(({ message }) => message.startsWith('tree 30 of 30'))).toHaveLength(2);
    expect(second).toEqual(first);
  });

  it('lists what callers send: entity keys, request inputs, event time', async () => {
    const bundle = await bundleOf(await inputOf());
    expect(bundle.request).toEqual([
      { name: 'origin', datatype: 'BYTES', nullable: false },
      { name: 'distance', datatype: 'FP32', nullable: false },
      { name: 'departed_ts', datatype: 'INT64', nullable: false },
      { name: 'carrier', datatype: 'BYTES', nullable: false },
    ]);
    expect(bundle.eventTime).toBe('departed_ts');
    expect(bundle.views).toEqual([
      {
        view: 'origin-traffic',
        revision: 3,
        keys: [{ key: 'origin', type: 'string', request: 'origin' }],
        features: ['late_rate'],
        types: { late_rate: 'float' },
        maxAgeMicros: 172_800_000_000,
      },
    ]);
    expect(bundle.plan.encodings).toEqual([{ input: 'carrier', categories: ['A', 'B', 'C'] }]);
  });

  it('keeps 64 golden rows, some with missing values, that the graph answers bit for bit one at a time', async () => {
    const bundle = await bundleOf(await inputOf());
    const golden = await getJson(bench.context.artifacts, bundle.goldenRows, GoldenRows);
    expect(golden.scores).toHaveLength(64);
    expect(Object.keys(golden.request)).toEqual(['carrier', 'departed_ts', 'distance', 'origin']);
    const rates = golden.inputs['origin_traffic__late_rate'] ?? [];
    // The fixture leaves every 50th rate out; the golden rows take eight of those on purpose.
    expect(rates.filter((rate) => rate === null).length).toBeGreaterThanOrEqual(8);
    expect(golden.request['departed_ts']).toEqual(golden.inputs['departed_ts']);

    const session = await createSession(await bench.context.artifacts.get(bundle.graphs[0]));
    for (const [row, expected] of golden.scores.entries()) {
      const { probability, decision } = await session.run(
        {
          distance: Float32Array.of(Number(golden.inputs['distance']?.[row])),
          departed_ts: BigInt64Array.of(BigInt(golden.inputs['departed_ts']?.[row] ?? 0)),
          carrier: [String(golden.inputs['carrier']?.[row])],
          origin_traffic__late_rate: Float32Array.of(Number(rates[row] ?? Number.NaN)),
        },
        ['probability', 'decision'],
      );
      expect(probability?.[0]).toBe(expected);
      expect(Number(decision?.[0])).toBe(expected >= Math.fround(bundle.decisionThreshold) ? 1 : 0);
    }
    await session.release();
  });

  it('chooses the threshold on the last fifth of training time: by F1, or by the costs that the model declares', async () => {
    const costs = { truePositive: 0, falsePositive: 1, trueNegative: 0, falseNegative: 9 };
    const chosen = await Promise.all(
      [undefined, costs].map(async (declared) => {
        const input = await inputOf({ evaluation: declared === undefined ? {} : { costs: declared } });
        const bundle = await bundleOf(input);
        const { train } = await getJson(bench.context.artifacts, input.dataset, TrainingDataset);
        const names = PLAN.inputs.map(({ name }) => name);
        const rows = await readModelRows(bench.context, train, names);
        const probabilities = (await scoreBundle(bench.context, bundle, rows)).subarray(3_200);
        // Rows of the fixture are evenly spaced in time: the last fifth of time begins at row 3200 of 4000.
        const expected = chooseThreshold({ probabilities, labels: rows.labels.subarray(3_200), costs: declared });
        expect(bundle.decisionThreshold).toBe(expected);
        return bundle.decisionThreshold;
      }),
    );
    // Of a calibrated model those costs ask for 1/(1 + 9).
    expect(chosen[1]).toBeLessThan(chosen[0] ?? 0);
  });

  it('profiles all training inputs, numbers with ten frozen bins', async () => {
    const bundle = await bundleOf(await inputOf());
    const { inputs } = await getJson(bench.context.artifacts, bundle.referenceProfile, ModelProfile);
    expect(inputs.rows).toBe(4_000);
    expect(inputs.columns.map(({ name, type }) => [name, type])).toEqual(
      PLAN.inputs.map(({ name, datatype }) => [name, { FP32: 'float', INT64: 'timestamp', BYTES: 'string' }[datatype]]),
    );
    const rate = inputs.columns.find(({ name }) => name === 'origin_traffic__late_rate');
    // 4000 rows, every 50th rate missing.
    expect(rate?.nulls).toBe(80);
    expect(rate?.histogram?.counts.reduce((sum, count) => sum + count, 0)).toBe(3_920);
    expect(rate?.histogram?.edges).toHaveLength(9);
  });

  it('goes on from a checkpoint and ends with the same digest as an uninterrupted run', async () => {
    const input = await inputOf({ trees: 60 });
    const whole = await trainModel(input, bench.context);
    const checkpoints = bench.reported.flatMap(({ checkpoint }) => (checkpoint === undefined ? [] : [checkpoint]));
    expect(checkpoints.map((checkpoint) => TrainingCheckpoint.parse(checkpoint).iteration)).toEqual([25, 50]);

    const treesBefore = bench.reported.filter(({ message }) => message.startsWith('tree ')).length;
    const resumed = await trainModel(input, { ...bench.context, resumeFrom: checkpoints[1] });
    const treesGrown = bench.reported.filter(({ message }) => message.startsWith('tree ')).length - treesBefore;
    expect(treesGrown).toBe(10);
    expect(resumed).toEqual(whole);
  });

  it('ignores checkpoints of another run, garbage, and ones whose trees are gone', async () => {
    const { artifacts } = bench.context;
    const trees = await artifacts.put(new TextEncoder().encode('{}'), MEDIA_TYPES.json);
    const unusable = async (reported: unknown) => (await loadCheckpoint(artifacts, 'this run', reported)).unusable;
    expect(await unusable({ key: 'another run', iteration: 25, trees })).toContain('other data or parameters');
    expect(await unusable('garbage')).toContain('another form');
    expect(await unusable(undefined)).toBeNull();
    const sha256 = '0'.repeat(64);
    const gone = { ...trees, sha256, uri: `artifact://sha256/${sha256}` };
    expect(await unusable({ key: 'this run', iteration: 25, trees: gone })).toBe('is gone');
  });

  it('stops after the slice in which it is cancelled', async () => {
    const input = await inputOf({ trees: 400 });
    const reason = new Error('cancelled by a person');
    const context = {
      ...bench.context,
      progress: ({ checkpoint }: { checkpoint?: unknown }) => {
        if (checkpoint !== undefined) bench.cancel(reason);
      },
    };
    await expect(trainModel(input, context)).rejects.toBe(reason);
  });

  it('refuses unknown parameters by name', async () => {
    const snapshot = snapshotOf();
    const trainer = { ...snapshot.spec.trainer, parameters: { tress: 10 } };
    const stored = await storeTraining(bench, { ...snapshot, spec: { ...snapshot.spec, trainer } });
    await expect(trainModel({ ...stored, plan: PLAN }, bench.context)).rejects.toMatchObject({
      code: 'PRN_TRAINING_INVALID_PARAMETER',
      message: expect.stringContaining('tress'),
    });
  });

  it('refuses a training part without rows', async () => {
    const stored = await storeTraining(bench, snapshotOf(), { trainRows: 0, holdoutRows: 10 });
    await expect(trainModel({ ...stored, plan: PLAN }, bench.context)).rejects.toMatchObject({
      code: 'PRN_TRAINING_NO_ROWS',
    });
  });

  it('names the view whose key nothing carries', async () => {
    const snapshot = snapshotOf();
    const spine = { ...snapshot.spec.spine, keys: [] };
    const stored = await storeTraining(bench, { ...snapshot, spec: { ...snapshot.spec, spine } });
    await expect(trainModel({ ...stored, plan: PLAN }, bench.context)).rejects.toThrow(
      'nothing carries key origin of feature view origin-traffic',
    );
  });

  it('hands evaluation a bundle whose graph stays as it is', async () => {
    const input = await inputOf();
    const { trained } = await trainModel(input, bench.context);
    const before = (await getJson(bench.context.artifacts, trained, TrainedModel)).bundle;
    const evaluated = await evaluateModel({ ...input, trained, champion: null }, bench.context);
    const after = (await getJson(bench.context.artifacts, evaluated.trained, TrainedModel)).bundle;
    expect({ ...after, referenceProfile: null }).toEqual({ ...before, referenceProfile: null });
    expect(after.referenceProfile).not.toEqual(before.referenceProfile);
  });
});
