/** Sums over rows of a design: weighted cross products, and products with a vector. */
import type { Design } from './design.js';

/** What a row adds: `curvature`·x·xᵀ to the matrix and `slope`·x to the vector. */
export type RowTerms = (row: number, columns: Float64Array) => { readonly curvature: number; readonly slope: number };

export interface NormalEquations {
  /** width × width, row-major, both triangles. */
  readonly matrix: Float64Array;
  readonly vector: Float64Array;
}

export function sumRows(design: Design, rows: number, termsOf: RowTerms): NormalEquations {
  const { width } = design;
  const matrix = new Float64Array(width * width);
  const vector = new Float64Array(width);
  const columns = new Float64Array(width);
  for (let row = 0; row < rows; row += 1) {
    design.fill(row, columns);
    const { curvature, slope } = termsOf(row, columns);
    for (let left = 0; left < width; left += 1) {
      const value = columns[left] as number;
      if (value === 0) continue;
      vector[left] = (vector[left] as number) + slope * value;
      const scaled = curvature * value;
      const base = left * width;
      for (let right = left; right < width; right += 1)
        matrix[base + right] = (matrix[base + right] as number) + scaled * (columns[right] as number);
    }
  }
  mirror(matrix, width);
  return { matrix, vector };
}

/** Copies the upper triangle to the lower one. */
export function mirror(matrix: Float64Array, size: number): void {
  for (let row = 0; row < size; row += 1)
    for (let column = 0; column < row; column += 1) matrix[row * size + column] = matrix[column * size + row] as number;
}

export function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index += 1) sum += (left[index] as number) * (right[index] as number);
  return sum;
}

/** A ridge on all columns but the intercept, the first. */
export function withRidge(matrix: Float64Array, width: number, l2: number): Float64Array {
  const ridged = matrix.slice();
  for (let index = 1; index < width; index += 1)
    ridged[index * width + index] = (ridged[index * width + index] as number) + l2;
  return ridged;
}
