/** The work of one shard. Everything it needs and leaves lies in shared memory, so any thread may do it. */
import { uniformOf } from '../../random.js';
import { computeGradients, measureResiduals } from './gradients.js';
import type { FillKernel } from './histogram-kernel.js';
import { fillHistogram } from './histogram.js';
import { BLOCK_ROWS, type BoosterArrays, NODE_BITS, NODE_INTS } from './memory.js';

export type ShardOperation =
  | { readonly kind: 'measure' }
  | { readonly kind: 'gradients' }
  /** Puts the rows of the tree into node 0 and sums its histogram. */
  | { readonly kind: 'begin'; readonly output: number; readonly iteration: number }
  /** Parts the rows of a node among its children. */
  | { readonly kind: 'split'; readonly node: number }
  | { readonly kind: 'fill'; readonly node: number; readonly output: number }
  /** Adds the leaf values of the finished tree to the scores. */
  | { readonly kind: 'scores'; readonly output: number };

const ROW_STREAM = 1;

/** A thread's view of the memory, and its instance of the kernel. */
export type ShardArrays = BoosterArrays & { readonly fill: FillKernel };

export function runOperation(arrays: ShardArrays, shard: number, operation: ShardOperation): void {
  switch (operation.kind) {
    case 'measure':
      forEachBlock(arrays, shard, (block) => measureResiduals(arrays, block));
      break;
    case 'gradients':
      forEachBlock(arrays, shard, (block) => computeGradients(arrays, block));
      break;
    case 'begin':
      takeRows(arrays, shard, operation.iteration);
      fillNode(arrays, shard, { node: 0, output: operation.output });
      break;
    case 'split':
      partition(arrays, shard, operation.node);
      break;
    case 'fill':
      fillNode(arrays, shard, operation);
      break;
    case 'scores':
      addScores(arrays, shard, operation.output);
      break;
  }
}

function forEachBlock({ layout }: BoosterArrays, shard: number, visit: (block: number) => void): void {
  for (let block = shard; block * BLOCK_ROWS < layout.rows; block += layout.shards) visit(block);
}

/** First position of a shard's rows: it has every block whose number leaves the shard's as remainder. */
export function shardBegin({ rows, shards }: BoosterArrays['layout'], shard: number): number {
  const whole = Math.floor(rows / BLOCK_ROWS);
  const before = Math.floor(whole / shards) * shard + Math.min(shard, whole % shards);
  const lastOwner = whole % shards;
  return before * BLOCK_ROWS + (shard > lastOwner ? rows - whole * BLOCK_ROWS : 0);
}

function takeRows(arrays: ShardArrays, shard: number, iteration: number): void {
  const { rowNumbers, segments, layout } = arrays;
  const { rows, seed, rowSampling, maxNodes } = layout;
  const begin = shardBegin(layout, shard);
  let end = begin;
  forEachBlock(arrays, shard, (block) => {
    const last = Math.min(rows, (block + 1) * BLOCK_ROWS);
    for (let row = block * BLOCK_ROWS; row < last; row += 1) {
      if (rowSampling < 1 && uniformOf(seed, ROW_STREAM, iteration, row) >= rowSampling) continue;
      rowNumbers[end] = row;
      end += 1;
    }
  });
  segments[2 * shard * maxNodes] = begin;
  segments[2 * shard * maxNodes + 1] = end;
}

function fillNode(arrays: ShardArrays, shard: number, { node, output }: { node: number; output: number }): void {
  const at = 2 * (shard * arrays.layout.maxNodes + node);
  const [begin = 0, end = 0] = arrays.segments.subarray(at, at + 2);
  fillHistogram(arrays, shard, { begin, end, output });
}

/** Keeps the order of the rows on both sides. */
function partition(
  { columnBins, rowNumbers, scratch, segments, nodes, layout }: BoosterArrays,
  shard: number,
  node: number,
): void {
  const { rows, maxNodes } = layout;
  const [feature = 0, left = 0, right = 0] = nodes.subarray(node * NODE_INTS, (node + 1) * NODE_INTS);
  const sides = sidesOf(nodes, node);
  const column = feature * rows;
  const first = 2 * shard * maxNodes;
  const begin = segments[first + 2 * node] as number;
  const end = segments[first + 2 * node + 1] as number;
  let leftEnd = begin;
  let moved = begin;
  for (let position = begin; position < end; position += 1) {
    const row = rowNumbers[position] as number;
    const goesLeft = sides[columnBins[column + row] as number] as number;
    rowNumbers[leftEnd] = row;
    scratch[moved] = row;
    leftEnd += goesLeft;
    moved += 1 - goesLeft;
  }
  rowNumbers.set(scratch.subarray(begin, moved), leftEnd);
  segments[first + 2 * left] = begin;
  segments[first + 2 * left + 1] = leftEnd;
  segments[first + 2 * right] = leftEnd;
  segments[first + 2 * right + 1] = end;
}

/** By bin: 1 where a row goes left at the node. */
function sidesOf(nodes: Int32Array, node: number): Uint8Array {
  const sides = new Uint8Array(256);
  const bits = node * NODE_INTS + NODE_BITS;
  for (let bin = 0; bin < 256; bin += 1) sides[bin] = ((nodes[bits + (bin >>> 5)] as number) >>> (bin & 31)) & 1;
  return sides;
}

function addScores(arrays: BoosterArrays, shard: number, output: number): void {
  if (arrays.layout.rowSampling < 1) addScoresByWalking(arrays, shard, output);
  else addScoresOfSegments(arrays, shard, output);
}

/** Without sampling every row lies in the segment of its leaf. */
function addScoresOfSegments(arrays: BoosterArrays, shard: number, output: number): void {
  const { scores, rowNumbers, segments, nodes, leafValues, layout } = arrays;
  const { outputs, maxNodes } = layout;
  const nodeCount = arrays.control[0] as number;
  for (let node = 0; node < nodeCount; node += 1) {
    if ((nodes[node * NODE_INTS] as number) >= 0) continue;
    const value = leafValues[node] as number;
    const at = 2 * (shard * maxNodes + node);
    const end = segments[at + 1] as number;
    for (let position = segments[at] as number; position < end; position += 1) {
      const score = (rowNumbers[position] as number) * outputs + output;
      scores[score] = (scores[score] as number) + value;
    }
  }
}

function addScoresByWalking(arrays: BoosterArrays, shard: number, output: number): void {
  const { scores, bins, nodes, leafValues, layout } = arrays;
  const { rows, columns, outputs } = layout;
  const nodeCount = arrays.control[0] as number;
  const sides = Array.from({ length: nodeCount }, (_unused, node) => sidesOf(nodes, node));
  forEachBlock(arrays, shard, (block) => {
    const last = Math.min(rows, (block + 1) * BLOCK_ROWS);
    for (let row = block * BLOCK_ROWS; row < last; row += 1) {
      let node = 0;
      for (let feature = nodes[0] as number; feature >= 0; feature = nodes[node * NODE_INTS] as number) {
        const goesLeft = sides[node]?.[bins[row * columns + feature] as number] === 1;
        node = nodes[node * NODE_INTS + (goesLeft ? 1 : 2)] as number;
      }
      const score = row * outputs + output;
      scores[score] = (scores[score] as number) + (leafValues[node] as number);
    }
  });
}
