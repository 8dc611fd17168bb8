/**
 * A feature plan and its trees as one graph. TreeEnsembleRegressor with a Sigmoid behind it, never the classifier
 * operator: that one compares raw scores with 0.5 when all leaves are positive and so gives the wrong label.
 */
import type { FeaturePlan } from '../../domain/features.js';
import { buildPrefix, inputValueInfos, planMetadata } from '../features/plan.js';
import type { Tree, TreeEnsemble } from '../training/tree-ensemble.js';
import { GraphBuilder } from './graph-builder.js';
import type { OnnxAttribute, OnnxGraph } from './writer.js';

export const PROBABILITY_OUTPUT = 'probability';
export const DECISION_OUTPUT = 'decision';

/** Inputs of the plan [N,1] each → `probability` FP32 [N,1] and `decision` INT64 [N,1] (1 at or above the threshold). */
export function fuseBinaryModel(model: {
  plan: FeaturePlan;
  ensemble: TreeEnsemble;
  decisionThreshold: number;
}): OnnxGraph {
  const { plan, ensemble, decisionThreshold } = model;
  const builder = new GraphBuilder();
  const features = buildPrefix(plan, builder);
  const score = builder.node('TreeEnsembleRegressor', [features], {
    domain: 'ai.onnx.ml',
    attributes: treeAttributes(ensemble),
  });
  const probability = builder.node('Sigmoid', [score], { output: PROBABILITY_OUTPUT });
  const atLeast = builder.node('GreaterOrEqual', [probability, builder.constant('FLOAT', [decisionThreshold])]);
  builder.node('Cast', [atLeast], { attributes: { to: { kind: 'int', value: 7 } }, output: DECISION_OUTPUT });
  return {
    name: 'binary-model',
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs: inputValueInfos(plan),
    outputs: [
      { name: PROBABILITY_OUTPUT, type: 'FLOAT', shape: [-1, 1] },
      { name: DECISION_OUTPUT, type: 'INT64', shape: [-1, 1] },
    ],
    metadata: planMetadata(plan),
  };
}

/** Without trees the operator still wants one: a leaf of zero. */
const EMPTY_TREE: Tree = {
  feature: Int32Array.of(-1),
  threshold: Float32Array.of(0),
  left: Int32Array.of(-1),
  right: Int32Array.of(-1),
  missingLeft: Uint8Array.of(0),
  leafValue: Float32Array.of(0),
};

function treeAttributes(ensemble: TreeEnsemble): Record<string, OnnxAttribute> {
  const trees = ensemble.trees.length === 0 ? [EMPTY_TREE] : ensemble.trees;
  const nodes = { treeIds: [] as number[], nodeIds: [] as number[], features: [] as number[], values: [] as number[] };
  const links = { modes: [] as string[], left: [] as number[], right: [] as number[], missing: [] as number[] };
  const leaves = { treeIds: [] as number[], nodeIds: [] as number[], weights: [] as number[] };
  for (const [treeId, tree] of trees.entries()) {
    for (const [nodeId, feature] of tree.feature.entries()) {
      const isLeaf = feature < 0;
      nodes.treeIds.push(treeId);
      nodes.nodeIds.push(nodeId);
      nodes.features.push(Math.max(feature, 0));
      nodes.values.push(tree.threshold[nodeId] ?? 0);
      links.modes.push(isLeaf ? 'LEAF' : 'BRANCH_LEQ');
      links.left.push(isLeaf ? 0 : (tree.left[nodeId] ?? 0));
      links.right.push(isLeaf ? 0 : (tree.right[nodeId] ?? 0));
      links.missing.push(tree.missingLeft[nodeId] ?? 0);
      if (isLeaf) {
        leaves.treeIds.push(treeId);
        leaves.nodeIds.push(nodeId);
        leaves.weights.push(tree.leafValue[nodeId] ?? 0);
      }
    }
  }
  const ints = (value: number[]): OnnxAttribute => ({ kind: 'ints', value });
  const floats = (value: number[]): OnnxAttribute => ({ kind: 'floats', value });
  return {
    nodes_treeids: ints(nodes.treeIds),
    nodes_nodeids: ints(nodes.nodeIds),
    nodes_featureids: ints(nodes.features),
    nodes_values: floats(nodes.values),
    nodes_modes: { kind: 'strings', value: links.modes },
    nodes_truenodeids: ints(links.left),
    nodes_falsenodeids: ints(links.right),
    nodes_missing_value_tracks_true: ints(links.missing),
    target_treeids: ints(leaves.treeIds),
    target_nodeids: ints(leaves.nodeIds),
    target_ids: ints(leaves.treeIds.map(() => 0)),
    target_weights: floats(leaves.weights),
    base_values: floats([ensemble.baseScore]),
    n_targets: { kind: 'int', value: 1 },
    post_transform: { kind: 'string', value: 'NONE' },
    aggregate_function: { kind: 'string', value: 'SUM' },
  };
}
