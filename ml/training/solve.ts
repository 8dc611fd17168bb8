/** Symmetric positive semi-definite systems, dense, row-major. */

/** A pivot that has lost so much of its size depends on earlier columns. */
const ALIASED = 1e-11;

export interface Factor {
  readonly size: number;
  /** Lower triangle of A = L·Lᵀ, row-major. Rows and columns of aliased variables are zero. */
  readonly lower: Float64Array;
  /** 1 for a variable that follows from earlier ones (or is constant): it gets the solution 0. */
  readonly aliased: Uint8Array;
}

/** Cholesky factor; variables that depend on earlier ones are left out and marked. */
export function factorize(matrix: Float64Array, size: number): Factor {
  const lower = new Float64Array(size * size);
  const aliased = new Uint8Array(size);
  for (let column = 0; column < size; column += 1) {
    let pivot = at(matrix, column * size + column);
    const whole = pivot;
    for (let inner = 0; inner < column; inner += 1) pivot -= at(lower, column * size + inner) ** 2;
    if (!(pivot > whole * ALIASED) || !(whole > 0)) {
      aliased[column] = 1;
      lower.fill(0, column * size, column * size + column);
      continue;
    }
    const root = Math.sqrt(pivot);
    lower[column * size + column] = root;
    for (let row = column + 1; row < size; row += 1) {
      let sum = at(matrix, row * size + column);
      for (let inner = 0; inner < column; inner += 1)
        sum -= at(lower, row * size + inner) * at(lower, column * size + inner);
      lower[row * size + column] = sum / root;
    }
  }
  return { size, lower, aliased };
}

/** x with A·x = b, 0 for aliased variables. */
export function solve({ size, lower, aliased }: Factor, right: ArrayLike<number>): Float64Array {
  const x = Float64Array.from(right);
  for (let row = 0; row < size; row += 1) {
    if (aliased[row] === 1) {
      x[row] = 0;
      continue;
    }
    let sum = at(x, row);
    for (let column = 0; column < row; column += 1) sum -= at(lower, row * size + column) * at(x, column);
    x[row] = sum / at(lower, row * size + row);
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    if (aliased[row] === 1) continue;
    let sum = at(x, row);
    for (let below = row + 1; below < size; below += 1) sum -= at(lower, below * size + row) * at(x, below);
    x[row] = sum / at(lower, row * size + row);
  }
  return x;
}

/** cᵀ·A⁻¹·M·A⁻¹·c: variance of the combination c of estimates. */
export function factorVariance(factor: Factor, middle: Float64Array, combination: Float64Array): number {
  const { size } = factor;
  const solved = solve(factor, combination);
  let sum = 0;
  for (let row = 0; row < size; row += 1) {
    const left = at(solved, row);
    if (left === 0) continue;
    for (let column = 0; column < size; column += 1) sum += left * at(middle, row * size + column) * at(solved, column);
  }
  return sum;
}

function at(values: Float64Array, index: number): number {
  return values[index] as number;
}
