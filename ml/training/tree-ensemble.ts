/** The trained form of a gradient-boosted ensemble, in the arrays that ONNX export and scoring read. */
import type { Task } from '../../domain/task.js';

/**
 * One regression tree in struct-of-arrays form; node 0 is the root.
 *
 * An inner node sends a row to `left` when `value <= threshold` (float32 comparison) or, at a categorical node, when the
 * value is one of its `leftCodes`; otherwise to `right`. NaN goes left where `missingLeft` is 1. A leaf has
 * `feature = -1` and contributes `leafValue` to the raw score of `output`.
 */
export interface Tree {
  /** The raw score it adds to: class index of a multiclass model, otherwise 0. */
  readonly output: number;
  readonly feature: Int32Array;
  /** Raw float32 thresholds: exactly representable, so that ONNX and training split the same rows. */
  readonly threshold: Float32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missingLeft: Uint8Array;
  readonly leafValue: Float32Array;
  /** What a split took from the training loss (second order, half of it left out as usual); 0 at leaves. */
  readonly gain: Float32Array;
  /** Node → the codes that go left, ascending; only nodes that split a categorical feature are listed. */
  readonly leftCodes: ReadonlyMap<number, Float32Array>;
}

/** Raw score of output k: `baseScores[k]` + Σ leaf values of the trees with that output. */
export interface TreeEnsemble {
  readonly featureCount: number;
  readonly task: Task;
  /** Raw scores of a row: the number of classes of a multiclass model, otherwise 1. */
  readonly outputs: number;
  /** Before any tree, float32: log odds, log shares of the classes, mean or median. */
  readonly baseScores: readonly number[];
  readonly trees: readonly Tree[];
}
