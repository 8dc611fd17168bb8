import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import type { PredictionBucket } from '../../domain/prediction.js';
import type { TaskShape } from '../../domain/task.js';
import { type ForeignScores, suffixGraph } from '../../ml/onnx/suffix-graph.js';
import { prefixGraph } from '../../ml/onnx/prefix-graph.js';
import { encodeModel, type OnnxGraph } from '../../ml/onnx/writer.js';
import type { Serving } from '../../serving/server.js';
import {
  bundleOf,
  DEPARTED,
  ENDPOINT,
  get,
  openServingWorld,
  outputOf,
  post,
  requestOf,
  type ServingWorld,
  until,
  untilRev,
} from './serving-fixture.js';

let world: ServingWorld;
let serving: Serving;

beforeEach(async () => {
  world = await openServingWorld();
  serving = await world.start();
});

afterEach(async () => {
  await world.close();
});

/** A model from elsewhere between our graphs: scores = distance · weights, and their softmax for classes. */
async function addForeign(shape: TaskShape, weights: readonly number[]): Promise<number> {
  const base = await bundleOf(world.stores, { base: 0, readsView: false });
  const isClassifier = shape.task === 'multiclass';
  const foreign: OnnxGraph = {
    name: 'foreign',
    nodes: [
      { op: 'MatMul', inputs: ['X', 'weights'], outputs: [isClassifier ? 'raw' : 'probabilities'] },
      ...(isClassifier ? [{ op: 'Softmax', inputs: ['raw'], outputs: ['probabilities'] }] : []),
    ],
    initializers: [{ name: 'weights', type: 'FLOAT', shape: [1, weights.length], values: weights }],
    inputs: [{ name: 'X', type: 'FLOAT', shape: [-1, 1] }],
    outputs: [{ name: 'probabilities', type: 'FLOAT', shape: [-1, weights.length] }],
  };
  const scores: ForeignScores = { name: 'probabilities', datatype: 'FP32', rank: 2, width: weights.length };
  const plan = { ...base.plan, features: [{ name: 'distance', expression: 'distance' }] };
  const put = (graph: OnnxGraph) => world.stores.artifacts.put(encodeModel(graph), MEDIA_TYPES.onnx);
  const graphs: Bundle['graphs'] = [
    await put(prefixGraph(plan, { kind: 'matrix', input: 'X' })),
    await put(foreign),
    await put(suffixGraph(scores, { ...shape, decisionThreshold: 0.5 })),
  ];
  return world.addBundle({ ...base, task: shape.task, classes: [...shape.classes], plan, graphs });
}

const infer = (rows: Parameters<typeof requestOf>[0], path = '') =>
  post(`${serving.url}/v2/models/${ENDPOINT}${path}/infer`, requestOf(rows, { readsView: false }));

async function routeTo(routes: { version: number; weight: number }[], shadow: number[] = []): Promise<void> {
  await untilRev(world.stores, serving, await world.route(routes, { shadow }));
}

async function firstBucket(): Promise<PredictionBucket | undefined> {
  return (
    await until(
      () => world.logged(),
      (buckets) => buckets.length === 1,
    )
  )[0];
}

const label = (labels: unknown[]) => post(`${serving.url}/v1/endpoints/${ENDPOINT}/ground-truth`, { labels });

describe('an endpoint of classes', () => {
  const colours = (...classes: string[]): TaskShape => ({ task: 'multiclass', classes });

  it('answers probabilities, the decision and its name through three graphs, and says so in its metadata', async () => {
    await routeTo([{ version: await addForeign(colours('blue', 'red'), [0, 1]), weight: 100 }]);
    const answer = await infer([{ distance: 0 }, { distance: 1 }]);
    expect(answer.body.outputs?.map(({ name, datatype, shape }) => [name, datatype, shape])).toEqual([
      ['probabilities', 'FP32', [2, 2]],
      ['decision', 'INT64', [2, 1]],
      ['class', 'BYTES', [2]],
      ['prediction_id', 'BYTES', [2]],
      ['model_version', 'INT64', [2]],
    ]);
    const high = 1 / (1 + Math.exp(-1));
    expect(outputOf(answer, 'probabilities')).toEqual([0.5, 0.5, expect.closeTo(1 - high, 6), expect.closeTo(high, 6)]);
    expect([outputOf(answer, 'decision'), outputOf(answer, 'class')]).toEqual([
      [0, 1],
      ['blue', 'red'],
    ]);
    const { body } = await get(`${serving.url}/v2/models/${ENDPOINT}`);
    expect(body).toMatchObject({
      outputs: expect.arrayContaining([{ name: 'probabilities', datatype: 'FP32', shape: [-1, 2] }]),
      properties: { task: 'multiclass', classes: '["blue","red"]' },
    });
  });

  it('answers and logs in the classes of all versions, live or in shadow', async () => {
    const first = await addForeign(colours('blue', 'red'), [0, 1]);
    const second = await addForeign(colours('amber', 'red'), [1, 0]);
    await routeTo([{ version: first, weight: 100 }], [second]);
    const answer = await infer([{ distance: 0, departedTs: DEPARTED }]);
    expect(outputOf(answer, 'probabilities')).toEqual([0, 0.5, 0.5]);
    expect(outputOf(answer, 'class')).toEqual(['blue']);
    const bucket = await firstBucket();
    expect(bucket).toMatchObject({ task: 'multiclass', classes: ['amber', 'blue', 'red'] });
    expect([[...(bucket?.scores ?? [])], [...(bucket?.decision ?? [])]]).toEqual([[0, 0.5, 0.5], [1]]);
    expect([...(bucket?.shadow[String(second)] ?? [])]).toEqual([0.5, 0, 0.5]);
    // The pinned version answers with its own classes, and is not logged.
    expect(outputOf(await infer([{ distance: 0 }], `/versions/${first}`), 'probabilities')).toEqual([0.5, 0.5]);
  });

  it('takes names of classes for labels, texts that look like operators too, and nothing else', async () => {
    await routeTo([{ version: await addForeign(colours('$red', 'blue'), [0, 1]), weight: 100 }]);
    expect(
      (
        await label([
          { predictionId: 'a', label: '$red' },
          { predictionId: 'b', label: 3 },
        ])
      ).status,
    ).toBe(200);
    const known = await world.stores.predictions.groundTruth(['a', 'b'], Number.MAX_SAFE_INTEGER);
    expect([...known]).toEqual([
      ['a', '$red'],
      ['b', '3'],
    ]);
    expect((await label([{ predictionId: 'a', label: 0.5 }])).body).toMatchObject({
      error: 'Invalid body: labels.0.label must be the name of a class, got 0.5.',
    });
  });
});

describe('an endpoint of a regression', () => {
  beforeEach(async () => {
    await routeTo([{ version: await addForeign({ task: 'regression', classes: [] }, [0.5]), weight: 100 }]);
  });

  it('answers values without a decision, and logs them', async () => {
    const answer = await infer([
      { distance: 3, departedTs: DEPARTED },
      { distance: -8, departedTs: DEPARTED + 1 },
    ]);
    expect(answer.body.outputs?.map(({ name }) => name)).toEqual(['prediction', 'prediction_id', 'model_version']);
    expect(outputOf(answer, 'prediction')).toEqual([1.5, -4]);
    expect([...((await firstBucket())?.scores ?? [])]).toEqual([1.5, -4]);
  });

  it('has no output called decision', async () => {
    const request = { ...requestOf([{}], { readsView: false }), outputs: [{ name: 'decision' }] };
    const { status, body } = await post(`${serving.url}/v2/models/${ENDPOINT}/infer`, request);
    expect([status, body.error]).toEqual([
      400,
      expect.stringContaining('there is no output "decision"; there are prediction, prediction_id, model_version'),
    ]);
  });

  it('takes numbers for labels and no texts', async () => {
    expect((await label([{ predictionId: 'a', label: -2.5 }])).status).toBe(200);
    expect(await world.stores.predictions.groundTruth(['a'], Number.MAX_SAFE_INTEGER)).toEqual(new Map([['a', -2.5]]));
    expect((await label([{ predictionId: 'a', label: 'red' }])).body).toMatchObject({
      error: 'Invalid body: labels.0.label must be a number, got "red".',
    });
  });

  it('fails where the model answers beyond all numbers', async () => {
    expect((await infer([{ distance: 3e38 }, { distance: 1 }])).status).toBe(200);
    const infinite = await addForeign({ task: 'regression', classes: [] }, [100]);
    await routeTo([{ version: infinite, weight: 100 }]);
    expect((await infer([{ distance: 3e38 }])).body).toMatchObject({ code: 'PRN_INFERENCE_FAILED' });
  });
});
