/**
 * Trees as nodes of a graph: TreeEnsembleRegressor, never the classifier operator. That one compares raw scores with 0.5
 * when all leaves are positive and so gives the wrong label.
 */
import type { Tree, TreeEnsemble } from '../training/tree-ensemble.js';
import type { GraphBuilder } from './graph-builder.js';
import type { OnnxAttribute } from './writer.js';

/** Adds the ensemble behind the matrix `features`, FP32 [N,F]; returns the raw scores, FP32 [N,K]. */
export function addEnsemble(builder: GraphBuilder, features: string, ensemble: TreeEnsemble): string {
  return builder.node('TreeEnsembleRegressor', [features], {
    domain: 'ai.onnx.ml',
    attributes: treeAttributes(ensemble),
  });
}

/** Without trees the operator still wants one: a leaf of zero. */
const EMPTY_TREE: Tree = {
  output: 0,
  feature: Int32Array.of(-1),
  threshold: Float32Array.of(0),
  left: Int32Array.of(-1),
  right: Int32Array.of(-1),
  missingLeft: Uint8Array.of(0),
  leafValue: Float32Array.of(0),
  gain: Float32Array.of(0),
  leftCodes: new Map(),
};

/** Columns of the operator's node list. */
interface NodeColumns {
  readonly treeIds: number[];
  readonly nodeIds: number[];
  readonly features: number[];
  readonly values: number[];
  readonly modes: string[];
  readonly left: number[];
  readonly right: number[];
  readonly missing: number[];
}

interface LeafColumns {
  readonly treeIds: number[];
  readonly nodeIds: number[];
  readonly outputs: number[];
  readonly weights: number[];
}

function treeAttributes(ensemble: TreeEnsemble): Record<string, OnnxAttribute> {
  const trees = ensemble.trees.length === 0 ? [EMPTY_TREE] : ensemble.trees;
  const nodes: NodeColumns = {
    treeIds: [],
    nodeIds: [],
    features: [],
    values: [],
    modes: [],
    left: [],
    right: [],
    missing: [],
  };
  const leaves: LeafColumns = { treeIds: [], nodeIds: [], outputs: [], weights: [] };
  for (const [treeId, tree] of trees.entries()) addTree(tree, treeId, { nodes, leaves });
  const ints = (value: number[]): OnnxAttribute => ({ kind: 'ints', value });
  const floats = (value: number[]): OnnxAttribute => ({ kind: 'floats', value });
  return {
    nodes_treeids: ints(nodes.treeIds),
    nodes_nodeids: ints(nodes.nodeIds),
    nodes_featureids: ints(nodes.features),
    nodes_values: floats(nodes.values),
    nodes_modes: { kind: 'strings', value: nodes.modes },
    nodes_truenodeids: ints(nodes.left),
    nodes_falsenodeids: ints(nodes.right),
    nodes_missing_value_tracks_true: ints(nodes.missing),
    target_treeids: ints(leaves.treeIds),
    target_nodeids: ints(leaves.nodeIds),
    target_ids: ints(leaves.outputs),
    target_weights: floats(leaves.weights),
    base_values: floats([...ensemble.baseScores]),
    n_targets: { kind: 'int', value: ensemble.outputs },
    post_transform: { kind: 'string', value: 'NONE' },
    aggregate_function: { kind: 'string', value: 'SUM' },
  };
}

interface BranchOrLeaf {
  readonly id: number;
  readonly feature: number;
  readonly value: number;
  readonly mode: 'LEAF' | 'BRANCH_LEQ' | 'BRANCH_EQ';
  readonly left: number;
  readonly right: number;
  readonly missing: number;
}

const LEAF = { feature: 0, value: 0, mode: 'LEAF', left: 0, right: 0, missing: 0 } as const;

function addTree(tree: Tree, treeId: number, { nodes, leaves }: { nodes: NodeColumns; leaves: LeafColumns }): void {
  const add = (node: BranchOrLeaf): void => addNode(nodes, treeId, node);
  let nextId = tree.feature.length;
  for (const [id, feature] of tree.feature.entries()) {
    const codes = tree.leftCodes.get(id);
    const branch = {
      id,
      feature,
      left: tree.left[id] ?? 0,
      right: tree.right[id] ?? 0,
      missing: tree.missingLeft[id] ?? 0,
    };
    if (feature < 0) {
      add({ id, ...LEAF });
      leaves.treeIds.push(treeId);
      leaves.nodeIds.push(id);
      leaves.outputs.push(tree.output);
      leaves.weights.push(tree.leafValue[id] ?? 0);
    } else if (codes === undefined) {
      add({ ...branch, value: tree.threshold[id] ?? 0, mode: 'BRANCH_LEQ' });
    } else {
      for (const node of membershipChain(branch, codes, nextId)) add(node);
      nextId += Math.max(0, codes.length - 1);
    }
  }
}

/**
 * Is the value one of the codes? A chain of equalities whose true sides all lead to the left child; the runtime folds it
 * into a set. Where only missing values go left, a comparison that is never true does.
 */
function membershipChain(
  branch: Omit<BranchOrLeaf, 'value' | 'mode'>,
  codes: Float32Array,
  nextId: number,
): BranchOrLeaf[] {
  if (codes.length === 0) return [{ ...branch, value: Number.NaN, mode: 'BRANCH_LEQ' }];
  return Array.from(codes, (value, index) => ({
    ...branch,
    id: index === 0 ? branch.id : nextId + index - 1,
    value,
    mode: 'BRANCH_EQ',
    right: index + 1 < codes.length ? nextId + index : branch.right,
  }));
}

function addNode(nodes: NodeColumns, treeId: number, node: BranchOrLeaf): void {
  nodes.treeIds.push(treeId);
  nodes.nodeIds.push(node.id);
  nodes.features.push(node.feature);
  nodes.values.push(node.value);
  nodes.modes.push(node.mode);
  nodes.left.push(node.left);
  nodes.right.push(node.right);
  nodes.missing.push(node.missing);
}
