/** What a model answered for the rows it is judged on, aligned with labels: 0 or 1, position of the class, or the value. */
import type { TaskShape } from '../../domain/task.js';

export type Predictions =
  | { readonly task: 'binary'; readonly probabilities: Float32Array }
  /** `probabilities` is row-major, rows × classes. */
  | { readonly task: 'multiclass'; readonly classes: readonly string[]; readonly probabilities: Float32Array }
  | { readonly task: 'regression'; readonly values: Float32Array };

/** Scores as a model's last graph gives them. */
export function predictionsOf({ task, classes }: TaskShape, scores: Float32Array): Predictions {
  if (task === 'regression') return { task, values: scores };
  return task === 'binary' ? { task, probabilities: scores } : { task, classes, probabilities: scores };
}

/** Rows to judge. `weights` are above 0; all rows count alike without them. */
export interface JudgedRows {
  readonly predictions: Predictions;
  readonly labels: ArrayLike<number>;
  readonly weights?: Float32Array | undefined;
}

export function rowCount(predictions: Predictions): number {
  if (predictions.task === 'regression') return predictions.values.length;
  const width = predictions.task === 'binary' ? 1 : predictions.classes.length;
  return width === 0 ? 0 : predictions.probabilities.length / width;
}

/** Position of the likeliest class of a row, the first of equals. */
export function likeliestClass(probabilities: Float32Array, row: number, classes: number): number {
  let best = 0;
  for (let position = 1; position < classes; position += 1)
    if ((probabilities[row * classes + position] as number) > (probabilities[row * classes + best] as number))
      best = position;
  return best;
}

/** The same predictions of fewer rows, in the order of the indexes. */
export function takePredictions(predictions: Predictions, rows: ArrayLike<number>): Predictions {
  if (predictions.task === 'regression') return { task: 'regression', values: takeFloats(predictions.values, rows) };
  const { probabilities } = predictions;
  if (predictions.task === 'binary') return { task: 'binary', probabilities: takeFloats(probabilities, rows) };
  const width = predictions.classes.length;
  const taken = new Float32Array(rows.length * width);
  for (let position = 0; position < rows.length; position += 1) {
    const from = (rows[position] as number) * width;
    taken.set(probabilities.subarray(from, from + width), position * width);
  }
  return { task: 'multiclass', classes: predictions.classes, probabilities: taken };
}

export function takeFloats(values: ArrayLike<number>, rows: ArrayLike<number>): Float32Array {
  return Float32Array.from(rows, (row) => values[row] as number);
}
