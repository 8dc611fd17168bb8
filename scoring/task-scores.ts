/** Scores of several versions in one shape: versions of a multiclass model may have learnt different classes. */
import { scoreWidth, type TaskShape } from '../domain/task.js';

/** The task of the versions, and all classes that any of them knows, by code unit. Without versions a binary one. */
export function commonShape(versions: readonly TaskShape[]): TaskShape {
  const [first] = versions;
  if (first === undefined) return { task: 'binary', classes: [] };
  const { task, classes: names } = first;
  if (versions.every(({ classes }) => sameClasses(classes, names))) return { task, classes: names };
  return { task, classes: [...new Set(versions.flatMap(({ classes }) => classes))].toSorted() };
}

/** Row-major scores of a version in another shape of its task: a class it does not know has probability 0. */
export function inShape(scores: Float32Array, own: TaskShape, wanted: TaskShape): Float32Array {
  if (wanted.task !== 'multiclass' || sameClasses(own.classes, wanted.classes)) return scores;
  const [ownWidth, width] = [scoreWidth(own), scoreWidth(wanted)];
  const rows = scores.length / ownWidth;
  const positions = own.classes.map((name) => wanted.classes.indexOf(name));
  const shaped = new Float32Array(rows * width);
  for (let row = 0; row < rows; row += 1)
    for (const [index, position] of positions.entries())
      if (position >= 0) shaped[row * width + position] = scores[row * ownWidth + index] ?? 0;
  return shaped;
}

/**
 * 1 where a probability reaches the row's threshold, compared in float32 as graphs do; the likeliest class, the lowest
 * on a tie; 0 for every number of a regression.
 */
export function decisionsOf(scores: Float32Array, shape: TaskShape, thresholdOf: (row: number) => number): Uint16Array {
  const width = scoreWidth(shape);
  const decisions = new Uint16Array(scores.length / width);
  if (shape.task === 'binary')
    for (let row = 0; row < decisions.length; row += 1)
      decisions[row] = (scores[row] ?? 0) >= Math.fround(thresholdOf(row)) ? 1 : 0;
  if (shape.task === 'multiclass')
    for (let row = 0; row < decisions.length; row += 1) decisions[row] = likeliest(scores, row * width, width);
  return decisions;
}

function likeliest(scores: Float32Array, offset: number, width: number): number {
  let best = 0;
  for (let index = 1; index < width; index += 1)
    if ((scores[offset + index] ?? 0) > (scores[offset + best] ?? 0)) best = index;
  return best;
}

function sameClasses(left: readonly string[], right: readonly string[]): boolean {
  return left === right || (left.length === right.length && left.every((name, index) => name === right[index]));
}
