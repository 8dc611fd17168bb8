/** Ridge regression by normal equations of standardised columns. Weights as in R's `lm`: variance σ² / weight. */
import { factorize, solve } from '../solve.js';
import { weightedMean, weightOf } from '../labels.js';
import { Design } from './design.js';
import type { Fit, LinearInput } from './fit.js';
import { dot, sumRows, withRidge } from './normal-equations.js';

export function fitLeastSquares(input: LinearInput): Fit {
  const { rows, labels, parameters } = input;
  const design = new Design(input, parameters.maxCategories);
  const { width } = design;
  // Centred first: less is lost in the sums.
  const mean = weightedMean(labels, input.weights);
  const { matrix, vector } = sumRows(design, rows, (row) => {
    const weight = weightOf(input, row);
    return { curvature: weight, slope: weight * ((labels[row] as number) - mean) };
  });
  const factor = factorize(withRidge(matrix, width, parameters.l2), width);
  const coefficients = solve(factor, vector);
  const squares = sumOfSquares(input, design, { coefficients, mean });
  coefficients[0] = (coefficients[0] as number) + mean;
  const used = width - factor.aliased.reduce((sum, aliased) => sum + aliased, 0);
  const degreesOfFreedom = rows - used;
  const scale = degreesOfFreedom > 0 ? squares / degreesOfFreedom : Number.NaN;
  const covariance = { factor, information: matrix, scale, degreesOfFreedom };
  return { design, coefficients, covariance, iterations: 1, converged: true };
}

function sumOfSquares(
  input: LinearInput,
  design: Design,
  { coefficients, mean }: { coefficients: Float64Array; mean: number },
): number {
  const columns = new Float64Array(design.width);
  let squares = 0;
  for (let row = 0; row < input.rows; row += 1) {
    design.fill(row, columns);
    squares += weightOf(input, row) * ((input.labels[row] as number) - mean - dot(columns, coefficients)) ** 2;
  }
  return squares;
}
