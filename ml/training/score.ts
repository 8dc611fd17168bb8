/** Plain evaluation of an ensemble: used while training, and as the independent check of the exported graph. */
import type { Tree, TreeEnsemble } from './tree-ensemble.js';

/** Adds the tree's leaf value of each row of a row-major matrix to `scores`. */
export function addTreeScores(tree: Tree, matrix: Float32Array, scores: Float64Array): void {
  const columns = scores.length === 0 ? 0 : matrix.length / scores.length;
  for (let row = 0; row < scores.length; row += 1) {
    scores[row] = (scores[row] ?? 0) + (tree.leafValue[leafOf(tree, matrix, row * columns)] ?? 0);
  }
}

function leafOf(tree: Tree, matrix: Float32Array, offset: number): number {
  let node = 0;
  for (let feature = tree.feature[0] ?? -1; feature >= 0; feature = tree.feature[node] ?? -1) {
    const value = matrix[offset + feature] ?? Number.NaN;
    const goesLeft = Number.isNaN(value) ? tree.missingLeft[node] === 1 : value <= (tree.threshold[node] ?? 0);
    node = (goesLeft ? tree.left[node] : tree.right[node]) ?? 0;
  }
  return node;
}

/** Probabilities of `rows` rows of a row-major float32 matrix. */
export function scoreEnsemble(ensemble: TreeEnsemble, matrix: Float32Array, rows: number): Float32Array {
  const scores = new Float64Array(rows).fill(ensemble.baseScore);
  for (const tree of ensemble.trees) addTreeScores(tree, matrix, scores);
  return Float32Array.from(scores, sigmoid);
}

export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}
