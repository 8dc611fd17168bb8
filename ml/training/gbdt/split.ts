/** The best split of a node: every feature, every edge or ordered set of categories, missing values tried on both sides. */
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import { type FeatureBins, missingBinOf } from './binning.js';
import { searchCategories } from './category-split.js';
import { type NodeHistogram, SLOT_FIELDS } from './histogram.js';
import { type FoundSplit, type NodeSums, NOTHING, scoreOf, type SplitLimits, sumsAt } from './node-sums.js';

export interface Split extends FoundSplit {
  readonly feature: number;
}

export interface SplitSearch {
  readonly bins: readonly FeatureBins[];
  readonly firstSlots: Int32Array;
  /** Features to look at, their number first. */
  readonly features: Int32Array;
  readonly limits: SplitLimits;
}

const CATEGORY_SMOOTHING = 10;
const LEAST_GAIN = 1e-12;

export function splitLimits(
  parameters: GbdtParameters,
  units: { readonly gradient: number; readonly hessian: number },
): SplitLimits {
  return {
    l2: parameters.l2 / units.hessian,
    minChildHessian: parameters.minChildWeight / units.hessian,
    minLeafRows: parameters.minLeafRows,
    minGain: (Math.max(parameters.minGain, LEAST_GAIN) / units.gradient / units.gradient) * units.hessian,
    categorySmoothing: CATEGORY_SMOOTHING / units.hessian,
  };
}

/** On a tie the earlier one stays: the lower feature, the lower edge, missing values to the right. */
export function findBestSplit(histogram: NodeHistogram, sums: NodeSums, search: SplitSearch): Split | null {
  const edges = new EdgeSearch(histogram, sums, search.limits);
  let best: Split | null = null;
  const count = search.features[0] as number;
  for (let index = 1; index <= count; index += 1) {
    const feature = search.features[index] as number;
    const bins = search.bins[feature];
    if (bins === undefined) continue;
    const start = (search.firstSlots[feature] as number) * SLOT_FIELDS;
    const missingBin = missingBinOf(bins);
    if (bins.kind === 'numeric') {
      edges.look(feature, start, missingBin);
      continue;
    }
    const toBeat = Math.max(edges.gain, best?.gain ?? 0);
    const found = searchCategories({ histogram, start, missingBin }, sums, { limits: search.limits, toBeat });
    if (found !== null) {
      best = { feature, ...found };
      edges.raise(found.gain);
    }
  }
  return edges.found() ?? best;
}

/** Looks for the best edge of one feature after the other. The innermost loop of growing: no objects are made in it. */
class EdgeSearch {
  readonly #histogram: NodeHistogram;
  readonly #sums: NodeSums;
  readonly #limits: SplitLimits;
  readonly #parent: number;
  #bestScore: number;
  #feature = -1;
  #bin = -1;
  #missingLeft = false;
  #left: NodeSums = NOTHING;

  constructor(histogram: NodeHistogram, sums: NodeSums, limits: SplitLimits) {
    this.#histogram = histogram;
    this.#sums = sums;
    this.#limits = limits;
    this.#parent = scoreOf(sums, limits.l2);
    this.#bestScore = this.#parent + limits.minGain;
  }

  /** What there is to beat. */
  get gain(): number {
    return this.#bestScore - this.#parent;
  }

  /** A split of another kind is better than all edges so far. */
  raise(gain: number): void {
    this.#bestScore = this.#parent + gain;
    this.#feature = -1;
  }

  found(): Split | null {
    if (this.#feature < 0) return null;
    const leftBins = { upTo: this.#bin };
    return { feature: this.#feature, leftBins, missingLeft: this.#missingLeft, gain: this.gain, left: this.#left };
  }

  look(feature: number, start: number, missingBin: number): void {
    const edges = missingBin - 1;
    const missing = sumsAt(this.#histogram, start, missingBin);
    if (missing.rows === 0) {
      // Where no row of the node lacks the value, later ones that do follow the larger side.
      if (this.#scan(start, edges, NOTHING)) this.#keep(feature, 2 * this.#left.rows > this.#sums.rows);
      return;
    }
    // Behind the last edge all values go left, and only missing ones right.
    if (this.#scan(start, edges + 1, NOTHING)) this.#keep(feature, false);
    if (this.#scan(start, edges, missing)) this.#keep(feature, true);
  }

  #keep(feature: number, missingLeft: boolean): void {
    this.#feature = feature;
    this.#missingLeft = missingLeft;
  }

  /** One pass over the edges, beginning with `before` on the left; true where something better was found. */
  #scan(start: number, edges: number, before: NodeSums): boolean {
    const histogram = this.#histogram;
    const { gradient, hessian, rows } = this.#sums;
    const { l2, minChildHessian, minLeafRows } = this.#limits;
    let leftGradient = before.gradient;
    let leftHessian = before.hessian;
    let leftRows = before.rows;
    let bestScore = this.#bestScore;
    let bestBin = -1;
    let bestGradient = 0;
    let bestHessian = 0;
    let bestRows = 0;
    for (let bin = 0, slot = start; bin < edges; bin += 1, slot += SLOT_FIELDS) {
      const added = histogram[slot + 2] as number;
      if (added === 0) continue;
      leftGradient += histogram[slot] as number;
      leftHessian += histogram[slot + 1] as number;
      leftRows += added;
      if (leftRows < minLeafRows || leftHessian < minChildHessian) continue;
      const rightHessian = hessian - leftHessian;
      if (rows - leftRows < minLeafRows || rightHessian < minChildHessian) break;
      const rightGradient = gradient - leftGradient;
      // gl²/hl + gr²/hr over a common denominator: a division only where there is something better
      const leftSum = leftHessian + l2;
      const rightSum = rightHessian + l2;
      const numerator = leftGradient * leftGradient * rightSum + rightGradient * rightGradient * leftSum;
      if (numerator > bestScore * leftSum * rightSum) {
        bestScore = numerator / (leftSum * rightSum);
        bestBin = bin;
        bestGradient = leftGradient;
        bestHessian = leftHessian;
        bestRows = leftRows;
      }
    }
    if (bestBin < 0) return false;
    this.#bestScore = bestScore;
    this.#bin = bestBin;
    this.#left = { gradient: bestGradient, hessian: bestHessian, rows: bestRows };
    return true;
  }
}
