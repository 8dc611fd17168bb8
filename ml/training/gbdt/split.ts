/** The best split of a node: every feature, every edge, missing values tried on both sides. */
import { type BinnedMatrix, MISSING_BIN } from './binning.js';
import { type NodeHistogram, slotOf } from './histogram.js';
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';

export interface NodeSums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

export interface Split {
  readonly feature: number;
  /** Rows of this bin and below go left. */
  readonly bin: number;
  readonly missingLeft: boolean;
  readonly gain: number;
  readonly left: NodeSums;
  readonly right: NodeSums;
}

export function findBestSplit(
  histogram: NodeHistogram,
  sums: NodeSums,
  search: { readonly binned: BinnedMatrix; readonly features: readonly number[]; readonly parameters: GbdtParameters },
): Split | null {
  let best: Split | null = null;
  for (const feature of search.features) {
    const edges = search.binned.edges[feature]?.length ?? 0;
    const missing = sumsAt(histogram, feature, MISSING_BIN);
    let left: NodeSums = { gradient: 0, hessian: 0, rows: 0 };
    for (let bin = 0; bin < edges; bin += 1) {
      left = add(left, sumsAt(histogram, feature, bin));
      best = better(best, candidate({ feature, bin, missingLeft: false, left, sums, parameters: search.parameters }));
      if (missing.rows > 0) {
        const withMissing = add(left, missing);
        best = better(
          best,
          candidate({ feature, bin, missingLeft: true, left: withMissing, sums, parameters: search.parameters }),
        );
      }
    }
  }
  return best;
}

/** Raw leaf value before the learning rate: −G / (H + λ). */
export function leafWeight({ gradient, hessian }: NodeSums, l2: number): number {
  return -gradient / (hessian + l2);
}

function candidate(input: {
  feature: number;
  bin: number;
  missingLeft: boolean;
  left: NodeSums;
  sums: NodeSums;
  parameters: GbdtParameters;
}): Split | null {
  const { feature, bin, missingLeft, left, sums, parameters } = input;
  const right = {
    gradient: sums.gradient - left.gradient,
    hessian: sums.hessian - left.hessian,
    rows: sums.rows - left.rows,
  };
  if (left.rows < parameters.minLeafRows || right.rows < parameters.minLeafRows) return null;
  if (left.hessian < parameters.minChildWeight || right.hessian < parameters.minChildWeight) return null;
  const gain = score(left, parameters.l2) + score(right, parameters.l2) - score(sums, parameters.l2);
  return gain > Math.max(parameters.minGain, 1e-12) ? { feature, bin, missingLeft, gain, left, right } : null;
}

function score({ gradient, hessian }: NodeSums, l2: number): number {
  return (gradient * gradient) / (hessian + l2);
}

/** On a tie the earlier one stays: the lower feature, the lower edge, missing values to the right. */
function better(best: Split | null, next: Split | null): Split | null {
  if (next === null) return best;
  return best === null || next.gain > best.gain ? next : best;
}

function sumsAt(histogram: NodeHistogram, feature: number, bin: number): NodeSums {
  const slot = slotOf(feature, bin);
  return { gradient: histogram[slot] ?? 0, hessian: histogram[slot + 1] ?? 0, rows: histogram[slot + 2] ?? 0 };
}

function add(left: NodeSums, right: NodeSums): NodeSums {
  return {
    gradient: left.gradient + right.gradient,
    hessian: left.hessian + right.hessian,
    rows: left.rows + right.rows,
  };
}
