import { describe, expect, it } from 'vitest';
import type { FeaturePlan } from '../../../domain/features.js';
import { createChain } from '../../../ml/onnx/chain.js';
import { prefixGraph } from '../../../ml/onnx/prefix-graph.js';
import { suffixGraph } from '../../../ml/onnx/suffix-graph.js';
import { encodeModel, type OnnxGraph } from '../../../ml/onnx/writer.js';

const PLAN: FeaturePlan = {
  inputs: [
    { name: 'distance', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'distance' } },
    { name: 'carrier', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'carrier' } },
  ],
  features: [
    { name: 'distance', expression: 'distance * 2' },
    { name: 'carrier', expression: 'carrier' },
  ],
  encodings: [{ input: 'carrier', categories: ['A', 'B'] }],
};
const FEEDS = { distance: Float32Array.of(1, 3), carrier: ['B', 'A'] };

/** A foreign model: its output is its input times a matrix, row-major inputs × outputs. */
function matrixModel(about: { input: string; output: string; weights: readonly number[]; width: number }): OnnxGraph {
  const { input, output, weights, width } = about;
  const inputs = weights.length / width;
  return {
    name: 'foreign',
    nodes: [{ op: 'MatMul', inputs: [input, 'weights'], outputs: [output] }],
    initializers: [{ name: 'weights', type: 'FLOAT', shape: [inputs, width], values: weights }],
    inputs: [{ name: input, type: 'FLOAT', shape: [-1, inputs] }],
    outputs: [{ name: output, type: 'FLOAT', shape: [-1, width] }],
  };
}

/** A foreign model that takes features by name and gives doubles of one dimension. */
const BY_NAME: OnnxGraph = {
  name: 'foreign',
  nodes: [
    { op: 'Sub', inputs: ['distance', 'carrier'], outputs: ['difference'] },
    { op: 'Cast', inputs: ['difference'], outputs: ['doubles'], attributes: { to: { kind: 'int', value: 11 } } },
    { op: 'Reshape', inputs: ['doubles', 'shape'], outputs: ['variable'] },
  ],
  initializers: [{ name: 'shape', type: 'INT64', shape: [1], values: [-1] }],
  inputs: ['distance', 'carrier'].map((name) => ({ name, type: 'FLOAT', shape: [-1, 1] })),
  outputs: [{ name: 'variable', type: 'DOUBLE', shape: [-1] }],
};

async function answer(graphs: readonly OnnxGraph[], outputs: readonly string[]): Promise<Record<string, unknown>> {
  const session = await createChain(graphs.map(encodeModel));
  try {
    expect(session.inputs.map(({ name }) => name)).toEqual(['distance', 'carrier']);
    const values = await session.run(FEEDS, outputs);
    return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, Array.from(data, Number)]));
  } finally {
    await session.release();
  }
}

describe('a chain of prefix, foreign model and suffix', () => {
  it('hands all features on as one matrix and orders the classes as the bundle names them', async () => {
    // Features are (2·distance, code): (2, 1) and (6, 0). Foreign scores 0·d, 1·d + 10·code, −1·d for its classes c, a, b.
    const foreign = matrixModel({ input: 'X', output: 'probabilities', weights: [0, 1, -1, 0, 10, 0], width: 3 });
    const suffix = suffixGraph(
      { name: 'probabilities', datatype: 'FP32', rank: 2, width: 3, order: [1, 2, 0] },
      { task: 'multiclass', classes: ['a', 'b', 'c'], decisionThreshold: 0.5 },
    );
    const graphs = [prefixGraph(PLAN, { kind: 'matrix', input: 'X' }), foreign, suffix];
    expect(await answer(graphs, ['probabilities', 'decision'])).toEqual({
      probabilities: [12, -2, 0, 6, -6, 0],
      decision: [0, 0],
    });
  });

  it('takes the lowest class on a tie', async () => {
    const foreign = matrixModel({ input: 'X', output: 'p', weights: [-1, 1, 1, 0, 0, 0], width: 3 });
    const suffix = suffixGraph(
      { name: 'p', datatype: 'FP32', rank: 2, width: 3 },
      { task: 'multiclass', classes: ['a', 'b', 'c'], decisionThreshold: 0.5 },
    );
    const { decision } = await answer(
      [prefixGraph(PLAN, { kind: 'matrix', input: 'X' }), foreign, suffix],
      ['decision'],
    );
    expect(decision).toEqual([1, 1]);
  });

  it('hands features on by name, also where a feature is called as its input, and makes doubles a float column', async () => {
    const suffix = suffixGraph(
      { name: 'variable', datatype: 'FP64', rank: 1, width: 1 },
      { task: 'regression', classes: [], decisionThreshold: 0.5 },
    );
    const graphs = [prefixGraph(PLAN, { kind: 'columns' }), BY_NAME, suffix];
    expect(await answer(graphs, ['prediction'])).toEqual({ prediction: [1, 6] });
  });

  it('takes the second of two binary probabilities and decides at the threshold', async () => {
    const foreign = matrixModel({ input: 'X', output: 'p', weights: [0, 0.1, 0, 0], width: 2 });
    const suffix = suffixGraph(
      { name: 'p', datatype: 'FP32', rank: 2, width: 2 },
      { task: 'binary', classes: [], decisionThreshold: 0.6 },
    );
    const graphs = [prefixGraph(PLAN, { kind: 'matrix', input: 'X' }), foreign, suffix];
    const { probability, decision } = await answer(graphs, ['probability', 'decision']);
    expect(probability).toEqual([Math.fround(0.2), expect.closeTo(0.6, 6)]);
    expect(decision).toEqual([0, 1]);
  });

  it('refuses nothing to run, and bytes that are no model, whichever place they have', async () => {
    await expect(createChain([])).rejects.toMatchObject({ code: 'PRN_ONNX_INVALID' });
    const prefix = encodeModel(prefixGraph(PLAN, { kind: 'columns' }));
    await expect(createChain([prefix, new Uint8Array([1, 2, 3])])).rejects.toMatchObject({ code: 'PRN_ONNX_INVALID' });
  });
});
