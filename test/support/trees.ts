/** Trees by hand. */
import type { Tree, TreeEnsemble } from '../../ml/training/tree-ensemble.js';

/** A stump: value ≤ threshold → left leaf, else right leaf; missing values left where `missingLeft` is 1. */
export function stump(
  feature: number,
  threshold: number,
  leaves: { left: number; right: number; missingLeft?: 0 | 1; output?: number },
): Tree {
  return {
    output: leaves.output ?? 0,
    feature: Int32Array.of(feature, -1, -1),
    threshold: Float32Array.of(threshold, 0, 0),
    left: Int32Array.of(1, -1, -1),
    right: Int32Array.of(2, -1, -1),
    missingLeft: Uint8Array.of(leaves.missingLeft ?? 1, 0, 0),
    leafValue: Float32Array.of(0, leaves.left, leaves.right),
    gain: Float32Array.of(1, 0, 0),
    leftCodes: new Map(),
  };
}

export function binaryEnsemble(featureCount: number, baseScore: number, trees: readonly Tree[]): TreeEnsemble {
  return { featureCount, task: 'binary', outputs: 1, baseScores: [baseScore], trees };
}
