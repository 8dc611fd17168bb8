/** Grows one tree best first: the open leaf with the greatest gain is split next, until leaves or depth run out. */
import type { Tree } from '../tree-ensemble.js';
import { type BinnedMatrix, MISSING_BIN } from './binning.js';
import { fillHistogram, newHistogram, type NodeHistogram, subtractHistogram } from './histogram.js';
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import { findBestSplit, leafWeight, type NodeSums, type Split } from './split.js';

export interface TreeData {
  readonly binned: BinnedMatrix;
  readonly gradients: Float64Array;
  readonly hessians: Float64Array;
  readonly features: readonly number[];
  readonly parameters: GbdtParameters;
}

interface OpenLeaf {
  readonly node: number;
  readonly depth: number;
  readonly rows: Int32Array;
  readonly sums: NodeSums;
  readonly histogram: NodeHistogram;
  readonly split: Split | null;
}

interface GrowingNode {
  feature: number;
  threshold: number;
  left: number;
  right: number;
  missingLeft: number;
  leafValue: number;
}

/** `rows` are the sampled row numbers in ascending order; they are not changed. */
export function growTree(data: TreeData, rows: Int32Array): Tree {
  const nodes: GrowingNode[] = [];
  const open: OpenLeaf[] = [openRoot(data, rows, nodes)];
  for (let leaves = 1; leaves < data.parameters.maxLeaves; leaves += 1) {
    const next = takeBest(open);
    if (next === null) break;
    open.push(...splitLeaf(data, next, nodes));
  }
  return packTree(nodes);
}

function openRoot(data: TreeData, rows: Int32Array, nodes: GrowingNode[]): OpenLeaf {
  const histogram = newHistogram(data.binned.columns);
  fillHistogram(histogram, data, rows);
  const sums = sumRows(data, rows);
  return openLeaf(data, { nodes, depth: 0, rows, sums, histogram });
}

function sumRows({ gradients, hessians }: TreeData, rows: Int32Array): NodeSums {
  let gradient = 0;
  let hessian = 0;
  for (const row of rows) {
    gradient += gradients[row] ?? 0;
    hessian += hessians[row] ?? 0;
  }
  return { gradient, hessian, rows: rows.length };
}

function openLeaf(
  data: TreeData,
  leaf: { nodes: GrowingNode[]; depth: number; rows: Int32Array; sums: NodeSums; histogram: NodeHistogram },
): OpenLeaf {
  const { nodes, depth, rows, sums, histogram } = leaf;
  const { parameters } = data;
  const leafValue = Math.fround(parameters.learningRate * leafWeight(sums, parameters.l2));
  nodes.push({ feature: -1, threshold: 0, left: -1, right: -1, missingLeft: 0, leafValue });
  const split = depth < parameters.depth ? findBestSplit(histogram, sums, data) : null;
  return { node: nodes.length - 1, depth, rows, sums, histogram, split };
}

/** Removes and returns the leaf with the greatest gain; the older one on a tie. */
function takeBest(open: OpenLeaf[]): (OpenLeaf & { split: Split }) | null {
  let best = -1;
  for (const [index, { split }] of open.entries()) {
    if (split !== null && split.gain > (open[best]?.split?.gain ?? Number.NEGATIVE_INFINITY)) best = index;
  }
  const [leaf] = best < 0 ? [] : open.splice(best, 1);
  return leaf?.split == null ? null : { ...leaf, split: leaf.split };
}

function splitLeaf(data: TreeData, leaf: OpenLeaf & { split: Split }, nodes: GrowingNode[]): [OpenLeaf, OpenLeaf] {
  const { split, histogram, depth } = leaf;
  const [leftRows, rightRows] = partition(data.binned, leaf.rows, split);
  const leftIsSmaller = leftRows.length <= rightRows.length;
  const smaller = newHistogram(data.binned.columns);
  fillHistogram(smaller, data, leftIsSmaller ? leftRows : rightRows);
  const larger = subtractHistogram(histogram, smaller);
  const [leftHistogram, rightHistogram] = leftIsSmaller ? [smaller, larger] : [larger, smaller];
  const left = openLeaf(data, { nodes, depth: depth + 1, rows: leftRows, sums: split.left, histogram: leftHistogram });
  const right = openLeaf(data, {
    nodes,
    depth: depth + 1,
    rows: rightRows,
    sums: split.right,
    histogram: rightHistogram,
  });
  const threshold = data.binned.edges[split.feature]?.[split.bin] ?? 0;
  const missingLeft = split.missingLeft ? 1 : 0;
  nodes[leaf.node] = {
    feature: split.feature,
    threshold,
    left: left.node,
    right: right.node,
    missingLeft,
    leafValue: 0,
  };
  return [left, right];
}

function partition({ bins, columns }: BinnedMatrix, rows: Int32Array, split: Split): [Int32Array, Int32Array] {
  const left = new Int32Array(split.left.rows);
  const right = new Int32Array(split.right.rows);
  let [leftCount, rightCount] = [0, 0];
  for (const row of rows) {
    const bin = bins[row * columns + split.feature] ?? MISSING_BIN;
    const goesLeft = bin === MISSING_BIN ? split.missingLeft : bin <= split.bin;
    if (goesLeft) left[leftCount++] = row;
    else right[rightCount++] = row;
  }
  return [left, right];
}

function packTree(nodes: readonly GrowingNode[]): Tree {
  return {
    feature: Int32Array.from(nodes, (node) => node.feature),
    threshold: Float32Array.from(nodes, (node) => node.threshold),
    left: Int32Array.from(nodes, (node) => node.left),
    right: Int32Array.from(nodes, (node) => node.right),
    missingLeft: Uint8Array.from(nodes, (node) => node.missingLeft),
    leafValue: Float32Array.from(nodes, (node) => node.leafValue),
  };
}
