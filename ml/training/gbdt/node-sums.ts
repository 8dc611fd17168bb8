/** What a search for splits is made of: sums of nodes in whole units, limits in the same units, histograms of features. */
import { type NodeHistogram, SLOT_FIELDS } from './histogram.js';

/** Sums of a node in whole units, see {@link SplitLimits}. */
export interface NodeSums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

export const NOTHING: NodeSums = { gradient: 0, hessian: 0, rows: 0 };

/**
 * Limits of a search in whole units: gradients and hessians are multiples of units, so a ridge of `l2` counts
 * `l2 / hessian unit`. A gain in units times `gradient unit² / hessian unit` is the gain in the loss.
 */
export interface SplitLimits {
  readonly l2: number;
  readonly minChildHessian: number;
  readonly minLeafRows: number;
  readonly minGain: number;
  /** Added to the hessian of a category before categories are put in order, so that rare ones stay in the middle. */
  readonly categorySmoothing: number;
}

/** The histogram of one feature. */
export interface FeatureHistogram {
  readonly histogram: NodeHistogram;
  readonly start: number;
  readonly missingBin: number;
}

export interface Bar {
  readonly limits: SplitLimits;
  /** Only a greater gain counts. */
  readonly toBeat: number;
}

/** A split of a known feature. */
export interface FoundSplit {
  /** Bins that go left, that of missing values left out. */
  readonly leftBins: readonly number[] | { readonly upTo: number };
  readonly missingLeft: boolean;
  /** In units of the search. */
  readonly gain: number;
  readonly left: NodeSums;
}

/** Sums of a bin of the feature whose histogram begins at `start`. */
export function sumsAt(histogram: NodeHistogram, start: number, bin: number): NodeSums {
  const slot = start + bin * SLOT_FIELDS;
  return {
    gradient: histogram[slot] as number,
    hessian: histogram[slot + 1] as number,
    rows: histogram[slot + 2] as number,
  };
}

export function plus(left: NodeSums, right: NodeSums): NodeSums {
  return {
    gradient: left.gradient + right.gradient,
    hessian: left.hessian + right.hessian,
    rows: left.rows + right.rows,
  };
}

export function minus(whole: NodeSums, part: NodeSums): NodeSums {
  return {
    gradient: whole.gradient - part.gradient,
    hessian: whole.hessian - part.hessian,
    rows: whole.rows - part.rows,
  };
}

/** G² / (H + λ). */
export function scoreOf({ gradient, hessian }: NodeSums, l2: number): number {
  return (gradient * gradient) / (hessian + l2);
}
