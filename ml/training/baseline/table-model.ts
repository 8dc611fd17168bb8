/** A table of answers by the values of a few columns: the trained form of all baselines. */
import type { Task } from '../../../domain/task.js';

export interface TableModel {
  readonly task: Task;
  readonly featureCount: number;
  /** Classes of a multiclass model, otherwise 1. */
  readonly outputs: number;
  /** Columns that are looked up; none for an answer that is always the same. */
  readonly keys: readonly TableKey[];
  /**
   * Probabilities (of class 1, or of each class) or values: entries × outputs, row-major. The entry of a row is its place
   * in the first column times (values of the second + 1) plus its place in the second, and so on; values that are
   * not listed share the place behind the last.
   */
  readonly answers: Float32Array;
}

export interface TableKey {
  readonly feature: number;
  /** Distinct values, ascending; NaN is a value. */
  readonly values: Float32Array;
}

/** Entries of a table with these keys. */
export function entriesOf(keys: readonly TableKey[]): number {
  return keys.reduce((product, { values }) => product * (values.length + 1), 1);
}

/** The entry each row of a row-major matrix falls into. */
export function entriesOfRows(
  keys: readonly TableKey[],
  { matrix, rows, columns }: { readonly matrix: Float32Array; readonly rows: number; readonly columns: number },
): Uint32Array {
  const entries = new Uint32Array(rows);
  for (const { feature, values } of keys) {
    const places = new Map(Array.from(values, (value, place) => [value, place] as const));
    for (let row = 0; row < rows; row += 1) {
      const place = places.get(matrix[row * columns + feature] ?? Number.NaN) ?? values.length;
      entries[row] = (entries[row] ?? 0) * (values.length + 1) + place;
    }
  }
  return entries;
}

/** Answers for the rows of a row-major matrix, row-major rows × outputs. */
export function tableAnswers(model: TableModel, matrix: Float32Array, rows: number): Float32Array {
  const { keys, answers, outputs, featureCount: columns } = model;
  const given = new Float32Array(rows * outputs);
  for (const [row, entry] of entriesOfRows(keys, { matrix, rows, columns }).entries())
    given.set(answers.subarray(entry * outputs, (entry + 1) * outputs), row * outputs);
  return given;
}
