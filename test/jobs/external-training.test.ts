import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { adoptTrainedModel } from '../../activities/jobs/adopt-trained-model.js';
import { evaluateModel } from '../../activities/jobs/evaluate-model.js';
import { readModelRows } from '../../activities/jobs/model-rows.js';
import { computeFeatures, scoreBundle } from '../../activities/jobs/model-scoring.js';
import { prepareTrainerData } from '../../activities/jobs/prepare-trainer-data.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { GoldenRows } from '../../domain/bundle.js';
import { type TrainerAnswer, TrainerRequest } from '../../domain/external-training.js';
import { TrainedModel, TrainingDataset } from '../../domain/training.js';
import { chooseThreshold } from '../../ml/evaluation/decision-threshold.js';
import { encodeModel, type OnnxGraph } from '../../ml/onnx/writer.js';
import { RATE_BY_NAME } from './foreign-graphs.js';
import {
  type JobBench,
  openJobBench,
  PLAN,
  rewritePart,
  snapshotOf,
  type StoredTraining,
  storeTraining,
} from './training-fixture.js';

const NAMES = ['distance', 'hour', 'carrier', 'origin_traffic__late_rate'];

/** Probability 0.1 + distance / 5000, whatever the other features are, as FP32 [N,1]. */
function byMatrix(changes: { inputs?: number; scale?: number; output?: string } = {}): OnnxGraph {
  const { inputs = 4, scale = 1, output = 'p' } = changes;
  return {
    name: 'foreign',
    nodes: [
      { op: 'Gather', inputs: ['x', 'first'], outputs: ['d'], attributes: { axis: { kind: 'int', value: 1 } } },
      { op: 'Mul', inputs: ['d', 'slope'], outputs: ['rising'] },
      { op: 'Add', inputs: ['rising', 'base'], outputs: [output] },
    ],
    initializers: [
      { name: 'first', type: 'INT64', shape: [1], values: [0] },
      { name: 'slope', type: 'FLOAT', shape: [1], values: [scale / 5_000] },
      { name: 'base', type: 'FLOAT', shape: [1], values: [0.1] },
    ],
    inputs: [{ name: 'x', type: 'FLOAT', shape: [-1, inputs] }],
    outputs: [{ name: output, type: 'FLOAT', shape: [-1, 1] }],
  };
}

describe('a model from an external trainer', () => {
  let bench: JobBench;
  let stored: StoredTraining;
  let request: ArtifactRef;

  beforeEach(async () => {
    bench = await openJobBench();
    stored = await storeTraining(
      bench,
      snapshotOf({ trainer: { kind: 'python', name: 'mine', parameters: { a: 1 } } }),
    );
    ({ request } = await prepareTrainerData({ ...stored, plan: PLAN, runId: 'r1' }, bench.context));
  });

  afterEach(async () => {
    await bench.close();
  });

  const asked = () => getJson(bench.context.artifacts, request, TrainerRequest);

  async function answerWith(
    model: Uint8Array,
    changes: Partial<TrainerAnswer> & { predictions?: number[][] } = {},
  ): Promise<ArtifactRef> {
    const { artifacts } = bench.context;
    const { predictions, ...others } = changes;
    return putJson(artifacts, {
      onnx: await artifacts.put(model, MEDIA_TYPES.onnx),
      output: 'p',
      samplePredictions: predictions === undefined ? null : await putJson(artifacts, { predictions }),
      predictedBy: 'estimator',
      environment: { packages: {} },
      metrics: [],
      log: null,
      attempt: 1,
      trainerDigest: 'd',
      ...others,
    } satisfies TrainerAnswer);
  }

  async function adopt(model: Uint8Array, changes: Parameters<typeof answerWith>[1] = {}) {
    return adoptTrainedModel(
      { ...stored, plan: PLAN, request, answer: await answerWith(model, changes) },
      bench.context,
    );
  }

  async function sampleDistances(): Promise<number[]> {
    const { sample, data } = await asked();
    const rows = await readModelRows(bench.context, data, ['distance']);
    return sample.map((row) => Number(rows.columns['distance']?.[row]));
  }

  it('gets the rows as the serving graph computes them, and a sample with missing values in it', async () => {
    const { data, sample, ...rest } = await asked();
    expect(rest).toEqual({
      requestVersion: 1,
      runId: 'r1',
      trainer: 'mine',
      parameters: { a: 1 },
      seed: 1,
      task: 'binary',
      classes: [],
      features: NAMES.map((name) => ({ name, categorical: name === 'carrier' })),
    });
    const given = await readModelRows(bench.context, data, NAMES);
    const { train } = await getJson(bench.context.artifacts, stored.dataset, TrainingDataset);
    const names = PLAN.inputs.map(({ name }) => name);
    const rows = await readModelRows(bench.context, train, names);
    const plan = { ...PLAN, encodings: [{ input: 'carrier', categories: ['A', 'B', 'C'] }] };
    const matrix = await computeFeatures(bench.context, plan, rows);
    for (const [column, name] of NAMES.entries()) {
      const wanted = Float32Array.from({ length: rows.rows }, (_unused, row) => matrix[row * 4 + column] ?? 0);
      expect(given.columns[name]).toEqual(wanted);
    }
    expect(given.labels).toEqual(rows.labels);
    expect(given.eventTs).toEqual(rows.eventTs);
    // Every 50th of 4000 rates is missing: 80 of them, of which 64 are asked for on purpose.
    const missing = sample.filter((row) => row % 50 === 0);
    expect(sample.length).toBeGreaterThan(240);
    expect(missing.length).toBeGreaterThanOrEqual(64);
  });

  it.each([
    ['infinite', { name: 'distance', expression: 'distance / (distance - distance)' }, 'PRN_TRAINING_INFINITE_FEATURE'],
    [
      'empty',
      { name: 'distance', expression: '(distance - distance) / (distance - distance)' },
      'PRN_TRAINING_EMPTY_FEATURE',
    ],
  ])('is not asked for with a feature that is %s, as a built-in one is not', async (_what, feature, code) => {
    const plan = { ...PLAN, features: [feature, ...PLAN.features.slice(1)] };
    const asking = prepareTrainerData({ ...stored, plan, runId: 'r1' }, bench.context);
    await expect(asking).rejects.toMatchObject({ code, details: { feature: 'distance' } });
  });

  it('is asked for the same when it is prepared again', async () => {
    const again = await prepareTrainerData({ ...stored, plan: PLAN, runId: 'r1' }, bench.context);
    expect(again.request).toEqual(request);
  });

  it('becomes a bundle of three graphs that answers as the model did, with the threshold chosen on training rows', async () => {
    const predictions = (await sampleDistances()).map((distance) => [0.1 + distance / 5_000]);
    const { trained, bundleDigest } = await adopt(encodeModel(byMatrix()), { predictions });
    const { bundle, trainer } = await getJson(bench.context.artifacts, trained, TrainedModel);
    expect(trainer).toMatchObject({ name: 'mine', digest: 'd', request });
    expect(bundle.graphs).toHaveLength(3);
    const { train } = await getJson(bench.context.artifacts, stored.dataset, TrainingDataset);
    const rows = await readModelRows(
      bench.context,
      train,
      PLAN.inputs.map(({ name }) => name),
    );
    const scores = await scoreBundle(bench.context, bundle, rows);
    for (const row of [0, 1, 3_999])
      expect(scores[row]).toBeCloseTo(0.1 + Number(rows.columns['distance']?.[row]) / 5_000, 6);
    // The last fifth of evenly spread rows begins at row 3200.
    expect(bundle.decisionThreshold).toBe(
      chooseThreshold({ probabilities: scores.subarray(3_200), labels: rows.labels.subarray(3_200) }),
    );
    const golden = await getJson(bench.context.artifacts, bundle.goldenRows, GoldenRows);
    expect(golden.scores).toHaveLength(64);
    expect(await adopt(encodeModel(byMatrix()), { predictions })).toEqual({ trained, bundleDigest });
  });

  it('keeps its trainer in the lineage when it is evaluated', async () => {
    const { trained } = await adopt(encodeModel(byMatrix()));
    const input = { snapshot: stored.snapshot, dataset: stored.dataset, champion: null };
    const evaluated = await evaluateModel({ ...input, trained }, bench.context);
    const before = await getJson(bench.context.artifacts, trained, TrainedModel);
    const after = await getJson(bench.context.artifacts, evaluated.trained, TrainedModel);
    expect(after.trainer).toEqual(before.trainer);
  });

  it('is refused when it is not ONNX', async () => {
    await expect(adopt(new TextEncoder().encode('not a model'))).rejects.toMatchObject({
      code: 'PRN_TRAINER_NOT_ONNX',
    });
  });

  it('is refused when its inputs are no features, or a matrix of another width', async () => {
    await expect(adopt(encodeModel(byMatrix({ inputs: 3 })))).rejects.toMatchObject({
      code: 'PRN_TRAINER_INPUTS',
      details: { got: 'x FP32 [N,3]' },
    });
    const renamed = { ...RATE_BY_NAME, inputs: [{ name: 'late', type: 'FLOAT' as const, shape: [-1, 1] }] };
    const model = { ...renamed, nodes: [{ op: 'Identity', inputs: ['late'], outputs: ['p'] }] };
    await expect(adopt(encodeModel(model))).rejects.toMatchObject({
      code: 'PRN_TRAINER_INPUTS',
      details: { got: 'late FP32 [N,1]' },
    });
  });

  it('is refused when the promised output is missing or has another width', async () => {
    await expect(adopt(encodeModel(byMatrix({ output: 'q' })))).rejects.toMatchObject({
      code: 'PRN_TRAINER_OUTPUTS',
      details: { got: 'q FP32 [N,1]' },
    });
    const wide: OnnxGraph = {
      ...byMatrix(),
      nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['p'] }],
      initializers: [],
      outputs: [{ name: 'p', type: 'FLOAT', shape: [-1, 4] }],
    };
    await expect(adopt(encodeModel(wide))).rejects.toMatchObject({ code: 'PRN_TRAINER_OUTPUTS' });
  });

  it('is refused when it answers no number where a feature is missing', async () => {
    await expect(adopt(encodeModel(RATE_BY_NAME))).rejects.toMatchObject({
      code: 'PRN_TRAINER_PREDICTIONS',
      message: expect.stringContaining('are not finite numbers'),
    });
  });

  /** Rates that are never missing, but for some of one part. */
  async function withRates(of: ArtifactRef, missingIn: 'holdout' | 'neither') {
    const dataset = await getJson(bench.context.artifacts, of, TrainingDataset);
    const rate = 'origin_traffic__late_rate';
    const full = `* replace (case when ${rate} is null or isnan(${rate}) then 0.25::real else ${rate} end as ${rate})`;
    const train = await rewritePart(bench, dataset.train, full);
    const holdout = missingIn === 'holdout' ? dataset.holdout : await rewritePart(bench, dataset.holdout, full);
    stored = { ...stored, dataset: await putJson(bench.context.artifacts, { ...dataset, train, holdout }) };
    ({ request } = await prepareTrainerData({ ...stored, plan: PLAN, runId: 'r1' }, bench.context));
  }

  it('is refused when it answers no number where a feature is missing in the holdout alone', async () => {
    const given = stored.dataset;
    await withRates(given, 'neither');
    const { trained } = await adopt(encodeModel(RATE_BY_NAME));
    await withRates(given, 'holdout');
    await expect(adopt(encodeModel(RATE_BY_NAME))).rejects.toMatchObject({
      code: 'PRN_TRAINER_PREDICTIONS',
      message: expect.stringContaining('of the golden rows'),
    });
    // A model of before such rows came, judged by them.
    const { snapshot, dataset } = stored;
    await expect(evaluateModel({ snapshot, dataset, trained, champion: null }, bench.context)).rejects.toMatchObject({
      code: 'PRN_TRAINER_PREDICTIONS',
      message: expect.stringContaining('of the holdout'),
    });
    // As a champion it cannot be compared, which no other model pays for with a crash.
    const { bundle } = await getJson(bench.context.artifacts, trained, TrainedModel);
    const other = await adopt(encodeModel(byMatrix()));
    const against = { metric: 'log_loss', against: 'champion', minImprovement: 0, confidence: 0.95 };
    const pinned = { ...snapshotOf({ gates: [against] }), champion: { version: 1 } };
    const { evidence } = await evaluateModel(
      { snapshot: await putJson(bench.context.artifacts, pinned), dataset, trained: other.trained, champion: bundle },
      bench.context,
    );
    expect(evidence.championMetrics).toBeNull();
    expect(evidence.gates[0]).toMatchObject({ verdict: 'no_evidence' });
    expect(evidence.gates[0]?.explanation).toContain('the champion cannot answer this holdout: ');
  });

  it('keeps evidence of a model that has no answer where an input is missing', async () => {
    await withRates(stored.dataset, 'neither');
    const { trained } = await adopt(encodeModel(RATE_BY_NAME));
    const { snapshot, dataset } = stored;
    const { evidence } = await evaluateModel({ snapshot, dataset, trained, champion: null }, bench.context);
    const missing = evidence.robustness.find(
      ({ input, change }) => input === 'origin_traffic__late_rate' && change === 'missing',
    );
    expect(missing).toMatchObject({ metric: 'log_loss', after: null, drop: null });
    expect(missing?.before).toBeGreaterThan(0);
  });

  it('is refused when its answers are no probabilities', async () => {
    await expect(adopt(encodeModel(byMatrix({ scale: 10 })))).rejects.toMatchObject({
      code: 'PRN_TRAINER_PREDICTIONS',
      message: expect.stringContaining('are no probabilities'),
    });
  });

  it('is refused when the estimator itself predicted otherwise, with the number of rows', async () => {
    const distances = await sampleDistances();
    const predictions = distances.map((distance, index) => [0.1 + distance / 5_000 + (index === 3 ? 0.01 : 0)]);
    await expect(adopt(encodeModel(byMatrix()), { predictions })).rejects.toMatchObject({
      code: 'PRN_TRAINER_DISAGREES',
      details: { rows: 1, sampleRows: distances.length },
    });
  });

  it('is refused when what it says of a row depends on the rows beside it', async () => {
    const model: OnnxGraph = {
      ...byMatrix(),
      nodes: [
        ...byMatrix().nodes.slice(0, 2),
        { op: 'ReduceMax', inputs: ['rising', 'rows'], outputs: ['most'] },
        { op: 'Div', inputs: ['rising', 'most'], outputs: ['p'] },
      ],
      initializers: [...byMatrix().initializers.slice(0, 2), { name: 'rows', type: 'INT64', shape: [1], values: [0] }],
    };
    await expect(adopt(encodeModel(model))).rejects.toMatchObject({
      code: 'PRN_TRAINER_PREDICTIONS',
      message: expect.stringContaining('depend on which rows are predicted with it: in a batch of 1'),
    });
  });

  it('is refused when the sample predictions are fewer than were asked for', async () => {
    const problem = 'the sample predictions have 1 values';
    await expect(adopt(encodeModel(byMatrix()), { predictions: [[0.5]] })).rejects.toMatchObject({
      code: 'PRN_TRAINER_OUTPUT',
      message: expect.stringContaining(problem),
    });
  });
});
