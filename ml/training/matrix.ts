/** Feature matrices as trainers take them. */

/** A row-major matrix, NaN where a value is missing, and the columns that hold codes of categories. */
export interface Matrix {
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly categorical?: readonly number[];
}

/** The values of a column, in an array of their own. */
export function columnOf({ matrix, rows, columns }: Omit<Matrix, 'categorical'>, column: number): Float32Array {
  const values = new Float32Array(rows);
  for (let row = 0; row < rows; row += 1) values[row] = matrix[row * columns + column] as number;
  return values;
}
