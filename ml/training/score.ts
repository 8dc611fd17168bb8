/** Plain evaluation of an ensemble: used while training, and as the independent check of the exported graph. */
import type { Task } from '../../domain/task.js';
import type { Tree, TreeEnsemble } from './tree-ensemble.js';

export interface ScoreTable {
  /** Row-major rows × outputs. */
  readonly scores: Float64Array;
  readonly outputs: number;
}

/** Adds the tree's leaf value of each row of a row-major matrix to the scores of its output. */
export function addTreeScores(tree: Tree, matrix: Float32Array, { scores, outputs }: ScoreTable): void {
  const rows = scores.length / outputs;
  const columns = rows === 0 ? 0 : matrix.length / rows;
  for (let row = 0; row < rows; row += 1) {
    const at = row * outputs + tree.output;
    scores[at] = (scores[at] ?? 0) + (tree.leafValue[leafOf(tree, matrix, row * columns)] ?? 0);
  }
}

/** Number of the leaf that the row starting at `offset` of a row-major matrix falls into. */
export function leafOf(tree: Tree, matrix: Float32Array, offset: number): number {
  let node = 0;
  for (let feature = tree.feature[0] ?? -1; feature >= 0; feature = tree.feature[node] ?? -1) {
    const value = matrix[offset + feature] ?? Number.NaN;
    node = (goesLeft(tree, node, value) ? tree.left[node] : tree.right[node]) ?? 0;
  }
  return node;
}

function goesLeft(tree: Tree, node: number, value: number): boolean {
  if (Number.isNaN(value)) return tree.missingLeft[node] === 1;
  const codes = tree.leftCodes.get(node);
  return codes === undefined ? value <= (tree.threshold[node] ?? 0) : codes.includes(value);
}

/** Raw scores of a row-major float32 matrix, row-major rows × outputs. */
export function rawScores(ensemble: TreeEnsemble, matrix: Float32Array, rows: number): Float64Array {
  const table = { scores: baseScoresOf(ensemble, rows), outputs: ensemble.outputs };
  for (const tree of ensemble.trees) addTreeScores(tree, matrix, table);
  return table.scores;
}

/** The scores before any tree, for so many rows. */
export function baseScoresOf({ baseScores, outputs }: TreeEnsemble, rows: number): Float64Array {
  return Float64Array.from({ length: rows * outputs }, (_unused, at) => baseScores[at % outputs] ?? 0);
}

/**
 * What the ensemble predicts for `rows` rows: probabilities of class 1 (binary), probabilities row-major rows × classes
 * (multiclass) or values (regression).
 */
export function scoreEnsemble(ensemble: TreeEnsemble, matrix: Float32Array, rows: number): Float32Array {
  return answersFromScores(rawScores(ensemble, matrix, rows), ensemble);
}

/** Probabilities or values from raw scores, row-major rows × outputs, which are overwritten. */
export function answersFromScores(
  scores: Float64Array,
  { task, outputs }: { readonly task: Task; readonly outputs: number },
): Float32Array {
  if (task === 'regression') return Float32Array.from(scores);
  if (task === 'binary') return Float32Array.from(scores, sigmoid);
  for (let from = 0; from < scores.length; from += outputs) softmaxInPlace(scores.subarray(from, from + outputs));
  return Float32Array.from(scores);
}

export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

/** Scores of one row become probabilities; the greatest score is taken off first, so that none overflows. */
export function softmaxInPlace(scores: Float64Array): void {
  let greatest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > greatest) greatest = score;
  let sum = 0;
  for (let output = 0; output < scores.length; output += 1) {
    const power = Math.exp((scores[output] ?? 0) - greatest);
    scores[output] = power;
    sum += power;
  }
  for (let output = 0; output < scores.length; output += 1) scores[output] = (scores[output] ?? 0) / sum;
}
