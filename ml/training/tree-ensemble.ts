/** The trained form of a gradient-boosted ensemble, in the arrays that ONNX export and scoring read. */

/**
 * One regression tree in struct-of-arrays form; node 0 is the root.
 *
 * An inner node sends a row to `left` when `value <= threshold` (float32 comparison) or when the value is NaN and
 * `missingLeft` is 1; otherwise to `right`. A leaf has `feature = -1` and contributes `leafValue` to the raw score.
 */
export interface Tree {
  readonly feature: Int32Array;
  /** Raw float32 thresholds: exactly representable, so that ONNX and training split the same rows. */
  readonly threshold: Float32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missingLeft: Uint8Array;
  readonly leafValue: Float32Array;
}

/** An additive ensemble for a binary target: probability = sigmoid(baseScore + Σ leaf values). */
export interface TreeEnsemble {
  readonly featureCount: number;
  /** Raw score (log odds) before any tree. */
  readonly baseScore: number;
  readonly trees: readonly Tree[];
}
