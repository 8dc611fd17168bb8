import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { evaluateModel } from '../../activities/jobs/evaluate-model.js';
import { storeModel } from '../../activities/jobs/bundle-writing.js';
import { trainModel } from '../../activities/jobs/train-model.js';
import { readTraining, type TrainingInput } from '../../activities/jobs/training-parts.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { type Bundle, GoldenRows } from '../../domain/bundle.js';
import type { Evidence } from '../../domain/evaluation.js';
import type { FeaturePlan } from '../../domain/features.js';
import { metricValue } from '../../domain/metrics.js';
import { ModelProfile } from '../../domain/model-profile.js';
import { ModelSpec } from '../../domain/model.js';
import { MICROS_PER_DAY as DAY } from '../../domain/time.js';
import { TrainedModel } from '../../domain/training.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { createChain } from '../../ml/onnx/chain.js';
import { type JobBench, openJobBench, snapshotOf } from './training-fixture.js';

const PLAN: FeaturePlan = {
  inputs: [
    { name: 'x', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'x' } },
    { name: 'kind', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'kind' } },
  ],
  features: [
    { name: 'x', expression: 'x' },
    { name: 'kind', expression: 'kind' },
  ],
  encodings: [],
};
const CLASSES = ['high', 'low', 'middle'];
/** Of a value: 3·x, and 5 more where the kind is b; x lies in 0 to 1. */
const VALUE = `(3 * x + case when kind = 'b' then 5 else 0 end)::double`;
/** Position among {@link CLASSES} by thirds of x, the other way round for kind b: neither feature tells it alone. */
const THIRD = `(case when abs(x - 0.5) < 0.1667 then 2 when (x > 0.5) = (kind = 'a') then 0 else 1 end)::double`;

describe('training and evaluation by task', () => {
  let bench: JobBench;

  beforeAll(async () => {
    bench = await openJobBench();
  });

  afterAll(() => bench.close());

  async function part(about: { rows: number; fromDay: number; label: string; x: string }): Promise<ArtifactRef> {
    const { rows, fromDay, label, x } = about;
    const path = await bench.context.artifacts.scratchPath('parquet');
    const base = `select ${fromDay * DAY} + (i * ${(15 * DAY) / rows})::bigint as event_ts, (${x})::real as x,
      case when hash(i * 3 + ${fromDay}) % 2 = 0 then 'a' else 'b' end as kind
      from (select i, (hash(i * 7 + ${fromDay}) % 10000) / 10000.0 as draw from range(${rows}) t(i)) order by i`;
    await bench.context.tables.use((session) =>
      session.execute(
        `copy (select event_ts, ${label} as label, x, kind from (${base})) to ${quoteText(path)} (format parquet)`,
      ),
    );
    return bench.context.artifacts.adopt(path, MEDIA_TYPES.parquet);
  }

  /** Fifteen days of training, one of purge, fifteen of holdout. */
  async function inputOf(about: {
    spec: object;
    label: string;
    x?: string;
    classes?: string[];
  }): Promise<TrainingInput> {
    const { spec, label, x = 'draw', classes = [] } = about;
    const { artifacts } = bench.context;
    const snapshot = snapshotOf();
    const model = ModelSpec.parse({
      ...snapshot.spec,
      features: [{ request: 'x' }, { request: 'kind' }],
      spine: { ...snapshot.spec.spine, keys: [] },
      ...spec,
    });
    const dataset = {
      train: await part({ rows: 1_500, fromDay: 0, label, x }),
      holdout: await part({ rows: 600, fromDay: 16, label, x }),
      trainRows: 1_500,
      holdoutRows: 600,
      classes,
      digest: 'd',
    };
    return {
      snapshot: await putJson(artifacts, { ...snapshot, views: [], spec: model }),
      dataset: await putJson(artifacts, dataset),
      plan: PLAN,
    };
  }

  async function judge(input: TrainingInput): Promise<{ bundle: Bundle; evidence: Evidence }> {
    const { trained } = await trainModel(input, bench.context);
    const evaluated = await evaluateModel({ ...input, trained, champion: null }, bench.context);
    const { bundle } = await getJson(bench.context.artifacts, evaluated.trained, TrainedModel);
    return { bundle, evidence: evaluated.evidence };
  }

  /** The bundle's own graphs answer the golden rows one at a time as training did. */
  async function expectGoldenAnswers(bundle: Bundle, output: string): Promise<GoldenRows> {
    const { artifacts } = bench.context;
    const golden = await getJson(artifacts, bundle.goldenRows, GoldenRows);
    const session = await createChain(await Promise.all(bundle.graphs.map((graph) => artifacts.get(graph))));
    for (let row = 0; row < golden.scores.length / golden.width; row += 1) {
      const feeds = {
        x: Float32Array.of(Number(golden.inputs['x']?.[row])),
        kind: [String(golden.inputs['kind']?.[row])],
      };
      const { [output]: scores } = await session.run(feeds, [output]);
      expect([...(scores ?? [])]).toEqual(golden.scores.slice(row * golden.width, (row + 1) * golden.width));
    }
    await session.release();
    return golden;
  }

  const GBDT = { kind: 'gbdt', parameters: { trees: 40, depth: 3, learningRate: 0.3 } };

  it.each([
    // The root mean square around the mean is √(9/12 + 25/4) ≈ 2.65; trees and a line come far below, a mean does not.
    [GBDT, 0, 0.2],
    [{ kind: 'linear' }, 0, 0.2],
    [{ kind: 'baseline', parameters: { method: 'mean' } }, 2.5, 2.8],
  ])('learns a number with %o', async (trainer, least, greatest) => {
    const { bundle, evidence } = await judge(await inputOf({ spec: { task: 'regression', trainer }, label: VALUE }));
    expect(bundle).toMatchObject({ task: 'regression', classes: [] });
    const rmse = metricValue(evidence.metrics, 'rmse') ?? Number.NaN;
    expect(rmse).toBeGreaterThanOrEqual(least);
    expect(rmse).toBeLessThan(greatest);
    expect((await expectGoldenAnswers(bundle, 'prediction')).width).toBe(1);
  });

  it('encodes a model once where it has no threshold to be finished with', async () => {
    const input = await inputOf({ spec: { task: 'regression' }, label: VALUE });
    const encoded: number[] = [];
    const graph = encodeModel({
      name: 'x itself',
      nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['prediction'] }],
      initializers: [],
      inputs: [{ name: 'x', type: 'FLOAT', shape: [-1, 1] }],
      outputs: [{ name: 'prediction', type: 'FLOAT', shape: [-1, 1] }],
    });
    await storeModel(bench.context, await readTraining(input, bench.context), {
      task: 'regression',
      classes: [],
      graphsWith: (threshold) => {
        encoded.push(threshold);
        return [graph];
      },
    });
    expect(encoded).toEqual([0.5]);
  });

  it('learns classes, and profiles those it decides for', async () => {
    const spec = { task: 'multiclass', trainer: GBDT, gates: [{ metric: 'accuracy', min: 0.9 }] };
    const { bundle, evidence } = await judge(await inputOf({ spec, label: THIRD, classes: CLASSES }));
    expect(bundle).toMatchObject({ task: 'multiclass', classes: CLASSES });
    expect(evidence).toMatchObject({ task: 'multiclass', outcome: 'passed', decisionThreshold: null });
    const golden = await expectGoldenAnswers(bundle, 'probabilities');
    expect([golden.width, golden.scores.length]).toEqual([3, 64 * 3]);
    const { prediction } = await getJson(bench.context.artifacts, bundle.referenceProfile, ModelProfile);
    expect(prediction).toMatchObject({ name: 'prediction', type: 'string' });
  });

  it('gives the same digest for the same inputs whatever the task', async () => {
    const input = await inputOf({ spec: { task: 'multiclass', trainer: GBDT }, label: THIRD, classes: CLASSES });
    expect(await trainModel(input, bench.context)).toEqual(await trainModel(input, bench.context));
  });
});
