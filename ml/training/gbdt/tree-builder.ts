/** Grows one tree best first: the open leaf with the greatest gain is split next, until leaves or depth run out. */
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import type { Tree } from '../tree-ensemble.js';
import { type FeatureBins, missingBinOf } from './binning.js';
import type { HistogramPool } from './histogram-pool.js';
import { mergeHistograms, type NodeHistogram, SLOT_FIELDS, subtractHistogram } from './histogram.js';
import { type BoosterArrays, NODE_BITS, NODE_INTS } from './memory.js';
import { minus, type NodeSums, NOTHING, plus, sumsAt } from './node-sums.js';
import { findBestSplit, type Split, splitLimits, type SplitSearch } from './split.js';
import type { ShardOperation } from './shard.js';

export interface TreeWork {
  readonly arrays: BoosterArrays;
  readonly bins: readonly FeatureBins[];
  readonly parameters: GbdtParameters;
  /** Does an operation that touches so many rows, in whatever threads. */
  readonly run: (operation: ShardOperation, rows: number) => void;
  readonly histograms: HistogramPool;
}

interface OpenLeaf {
  readonly node: number;
  readonly depth: number;
  readonly sums: NodeSums;
  /** Null where nothing is to be split, or memory was short. */
  readonly histogram: NodeHistogram | null;
  readonly split: Split | null;
}

interface GrownNode {
  readonly sums: NodeSums;
  split: Split | null;
  left: number;
}

/** A tree of the given output for the gradients in memory; its shape is left in memory for the scores. */
export class TreeGrowth {
  readonly #work: TreeWork;
  readonly #output: number;
  readonly #search: SplitSearch;
  readonly #units: { readonly gradient: number; readonly hessian: number };
  readonly #nodes: GrownNode[] = [];
  #open: OpenLeaf[] = [];

  constructor(work: TreeWork, output: number) {
    const { arrays, bins, parameters } = work;
    this.#work = work;
    this.#output = output;
    this.#units = { gradient: 1 / (arrays.scales[0] ?? 1), hessian: 1 / (arrays.scales[1] ?? 1) };
    const limits = splitLimits(parameters, this.#units);
    this.#search = { bins, firstSlots: arrays.firstSlots, features: arrays.features.slice(), limits };
  }

  /** Grows and returns the tree. Its leaves may still be given other values by `leafValueOf` (node → raw value). */
  grow(iteration: number, leafValueOf?: (node: number) => number): Tree {
    const { arrays, parameters, run } = this.#work;
    run({ kind: 'begin', output: this.#output, iteration }, arrays.layout.rows);
    this.#openRoot();
    for (let leaves = 1; leaves < parameters.maxLeaves; leaves += 1) {
      const next = this.#takeBest();
      if (next === null) break;
      this.#splitLeaf(next, leaves + 1 < parameters.maxLeaves);
    }
    for (const { histogram } of this.#open) this.#work.histograms.giveBack(histogram);
    this.#open = [];
    return this.#pack(leafValueOf ?? ((node) => this.#newtonStep(node)));
  }

  #openRoot(): void {
    const histogram = this.#merged();
    const [first = 0] = this.#search.features.subarray(1);
    const bins = this.#search.bins[first];
    const start = (this.#search.firstSlots[first] ?? 0) * SLOT_FIELDS;
    const missingBin = bins === undefined ? -1 : missingBinOf(bins);
    let sums = NOTHING;
    for (let bin = 0; bin <= missingBin; bin += 1) sums = plus(sums, sumsAt(histogram, start, bin));
    this.#addLeaf({ depth: 0, sums, histogram });
  }

  /** What the shards have summed last. */
  #merged(): NodeHistogram {
    const { arrays, histograms } = this.#work;
    const target = histograms.take();
    mergeHistograms(target, arrays);
    return target;
  }

  #addLeaf({ depth, sums, histogram }: { depth: number; sums: NodeSums; histogram: NodeHistogram | null }): void {
    const node = this.#nodes.length;
    this.#nodes.push({ sums, split: null, left: -1 });
    this.#work.arrays.nodes[node * NODE_INTS] = -1;
    const split =
      histogram === null || !this.#mayBeSplit(sums, depth) ? null : findBestSplit(histogram, sums, this.#search);
    const keep = split !== null && histogram !== null && this.#work.histograms.mayBeKept(histogram);
    if (!keep) this.#work.histograms.giveBack(histogram);
    this.#open.push({ node, depth, sums, histogram: keep ? histogram : null, split });
  }

  #mayBeSplit({ rows }: NodeSums, depth: number): boolean {
    const { depth: deepest, minLeafRows } = this.#work.parameters;
    return depth < deepest && rows >= 2 * minLeafRows;
  }

  /** Removes and returns the leaf with the greatest gain; the older one on a tie. */
  #takeBest(): (OpenLeaf & { split: Split }) | null {
    let best = -1;
    for (const [index, { split }] of this.#open.entries()) {
      if (split !== null && split.gain > (this.#open[best]?.split?.gain ?? Number.NEGATIVE_INFINITY)) best = index;
    }
    const [leaf] = best < 0 ? [] : this.#open.splice(best, 1);
    return leaf?.split == null ? null : { ...leaf, split: leaf.split };
  }

  #splitLeaf(leaf: OpenLeaf & { split: Split }, goesOn: boolean): void {
    const { split, sums, depth, node } = leaf;
    const { arrays, run, histograms } = this.#work;
    const left = this.#nodes.length;
    const children = [split.left, minus(sums, split.left)] as const;
    const grown = this.#nodes[node];
    if (grown !== undefined) Object.assign(grown, { split, left });
    writeNode(arrays, node, { split, left, missingBin: missingBinAt(this.#search.bins, split.feature) });
    run({ kind: 'split', node }, sums.rows);
    if (!goesOn || !children.some((child) => this.#mayBeSplit(child, depth + 1))) {
      histograms.giveBack(leaf.histogram);
      for (const child of children) this.#addLeaf({ depth: depth + 1, sums: child, histogram: null });
      return;
    }
    const smaller = children[0].rows <= children[1].rows ? 0 : 1;
    run({ kind: 'fill', node: left + smaller, output: this.#output }, children[smaller].rows);
    const [small, large] = this.#childHistograms(leaf, left + 1 - smaller, children[1 - smaller]?.rows ?? 0);
    const pair = smaller === 0 ? [small, large] : [large, small];
    for (const [side, child] of children.entries())
      this.#addLeaf({ depth: depth + 1, sums: child, histogram: pair[side] ?? null });
  }

  #childHistograms({ histogram }: OpenLeaf, largerNode: number, rows: number): [NodeHistogram, NodeHistogram] {
    const small = this.#merged();
    if (histogram !== null) {
      subtractHistogram(histogram, small);
      return [small, histogram];
    }
    this.#work.run({ kind: 'fill', node: largerNode, output: this.#output }, rows);
    return [small, this.#merged()];
  }

  /** −η·G / (H + λ). */
  #newtonStep(node: number): number {
    const { gradient, hessian } = this.#nodes[node]?.sums ?? NOTHING;
    const { learningRate, l2 } = this.#work.parameters;
    const sum = hessian * this.#units.hessian + l2;
    return sum > 0 ? (-learningRate * (gradient * this.#units.gradient)) / sum : 0;
  }

  #pack(leafValueOf: (node: number) => number): Tree {
    const { arrays, bins } = this.#work;
    const nodes = this.#nodes;
    const gainUnit = (this.#units.gradient * this.#units.gradient) / this.#units.hessian;
    const leafValue = Float32Array.from(nodes, ({ split }, node) => (split === null ? leafValueOf(node) : 0));
    arrays.leafValues.set(leafValue);
    arrays.control[0] = nodes.length;
    return {
      output: this.#output,
      feature: Int32Array.from(nodes, ({ split }) => split?.feature ?? -1),
      threshold: Float32Array.from(nodes, ({ split }) => (split === null ? 0 : thresholdOf(split, bins))),
      left: Int32Array.from(nodes, ({ left }) => left),
      right: Int32Array.from(nodes, ({ left }) => (left < 0 ? -1 : left + 1)),
      missingLeft: Uint8Array.from(nodes, ({ split }) => (split?.missingLeft === true ? 1 : 0)),
      leafValue,
      gain: Float32Array.from(nodes, ({ split }) => (split === null ? 0 : split.gain * gainUnit)),
      leftCodes: new Map(
        nodes.flatMap(({ split }, node) => {
          const codes = split === null ? null : leftCodesOf(split, bins);
          return codes === null ? [] : [[node, codes] as const];
        }),
      ),
    };
  }
}

function missingBinAt(bins: readonly FeatureBins[], feature: number): number {
  const found = bins[feature];
  return found === undefined ? 0 : missingBinOf(found);
}

/** The child on the right follows the one on the left. */
function writeNode(
  { nodes }: BoosterArrays,
  node: number,
  { split, left, missingBin }: { split: Split; left: number; missingBin: number },
): void {
  const ints = nodes.subarray(node * NODE_INTS, (node + 1) * NODE_INTS).fill(0);
  ints.set([split.feature, left, left + 1]);
  const goLeft = (bin: number): void => {
    ints[NODE_BITS + (bin >>> 5)] = (ints[NODE_BITS + (bin >>> 5)] ?? 0) | (1 << (bin & 31));
  };
  if ('upTo' in split.leftBins) for (let bin = 0; bin <= split.leftBins.upTo; bin += 1) goLeft(bin);
  else for (const bin of split.leftBins) goLeft(bin);
  if (split.missingLeft) goLeft(missingBin);
}

/** Behind the last edge lie all values. */
function thresholdOf({ feature, leftBins }: Split, bins: readonly FeatureBins[]): number {
  const found = bins[feature];
  if (found?.kind !== 'numeric' || !('upTo' in leftBins)) return 0;
  return found.edges[leftBins.upTo] ?? Number.POSITIVE_INFINITY;
}

function leftCodesOf({ feature, leftBins }: Split, bins: readonly FeatureBins[]): Float32Array | null {
  const found = bins[feature];
  if (found?.kind !== 'categorical' || 'upTo' in leftBins) return null;
  return Float32Array.from(leftBins, (bin) => found.codes[bin] ?? 0);
}
