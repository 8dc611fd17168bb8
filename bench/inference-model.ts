/** The model of the inference benchmark: 200 trees of depth 6 over 30 request fields. */
import type { FeaturePlan } from '../domain/features.js';
import { fuseModel } from '../ml/onnx/fused-model.js';
import { encodeModel } from '../ml/onnx/writer.js';
import { uniformOf } from '../ml/random.js';
import type { Tree } from '../ml/training/tree-ensemble.js';

const TREES = 200;
const DEPTH = 6;
export const FEATURES = 30;

export const PLAN: FeaturePlan = {
  inputs: Array.from({ length: FEATURES }, (_unused, index) => ({
    name: `f${index}`,
    datatype: 'FP32' as const,
    nullable: true,
    source: { kind: 'request' as const, column: `f${index}` },
  })),
  features: Array.from({ length: FEATURES }, (_unused, index) => ({ name: `f${index}`, expression: `f${index}` })),
  encodings: [],
};

export function benchmarkModel(): Uint8Array {
  const trees = Array.from({ length: TREES }, (_unused, tree) => fullTree(tree));
  const ensemble = { featureCount: FEATURES, task: 'binary', outputs: 1, baseScores: [0], trees } as const;
  return encodeModel(fuseModel({ plan: PLAN, form: { kind: 'trees', ensemble }, classes: [], decisionThreshold: 0.5 }));
}

/** A complete binary tree: node n has the children 2n + 1 and 2n + 2. */
function fullTree(seed: number): Tree {
  const inner = 2 ** DEPTH - 1;
  const nodes = 2 ** (DEPTH + 1) - 1;
  const each = <T>(make: (node: number) => T): T[] => Array.from({ length: nodes }, (_unused, node) => make(node));
  return {
    output: 0,
    feature: Int32Array.from(each((node) => (node < inner ? Math.floor(uniformOf(seed, node, 1) * FEATURES) : -1))),
    threshold: Float32Array.from(each((node) => (node < inner ? uniformOf(seed, node, 2) : 0))),
    left: Int32Array.from(each((node) => (node < inner ? 2 * node + 1 : -1))),
    right: Int32Array.from(each((node) => (node < inner ? 2 * node + 2 : -1))),
    missingLeft: Uint8Array.from(each(() => 0)),
    leafValue: Float32Array.from(each((node) => (node < inner ? 0 : uniformOf(seed, node, 3) * 0.1 - 0.05))),
    gain: new Float32Array(nodes),
    leftCodes: new Map(),
  };
}

/** One row, as both servers are asked. */
export function requestBody(): string {
  const inputs = PLAN.inputs.map(({ name }, index) => ({
    name,
    datatype: 'FP32',
    shape: [1],
    data: [uniformOf(7, index)],
  }));
  return JSON.stringify({
    inputs: [...inputs, { name: 'asked_ts', datatype: 'INT64', shape: [1], data: [983_440_000_000_000] }],
  });
}
