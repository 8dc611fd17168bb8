/** Ridge logistic regression by Newton's method (iteratively reweighted least squares) with halved steps. Weights count rows. */
import { DomainError } from '../../../domain/errors.js';
import { sigmoid } from '../score.js';
import { factorize, solve } from '../solve.js';
import { weightedMean, weightOf } from '../labels.js';
import { Design } from './design.js';
import type { Fit, LinearInput } from './fit.js';
import { dot, type NormalEquations, sumRows, withRidge } from './normal-equations.js';

/** Ends when a step would improve the penalised loss by less than this share of it. */
const TOLERANCE = 1e-10;
const HALVINGS = 30;

export function fitLogistic(input: LinearInput): Fit {
  const { parameters, labels, weights, onIteration } = input;
  const design = new Design(input, parameters.maxCategories);
  const { width } = design;
  let coefficients = new Float64Array(width);
  const share = weightedMean(labels, weights);
  coefficients[0] = Math.log(share / (1 - share));
  let loss = lossOf(input, design, coefficients);
  for (let iteration = 1; ; iteration += 1) {
    const { matrix, vector } = curvature(input, design, coefficients);
    const factor = factorize(withRidge(matrix, width, parameters.l2), width);
    const slope = vector.map((value, index) => value - (index === 0 ? 0 : parameters.l2 * (coefficients[index] ?? 0)));
    const step = solve(factor, slope);
    const covariance = { factor, information: matrix, scale: 1, degreesOfFreedom: Number.POSITIVE_INFINITY };
    const converged = dot(step, slope) / 2 <= TOLERANCE * (Math.abs(loss) + TOLERANCE);
    if (converged || iteration > parameters.maxIterations)
      return { design, coefficients, covariance, iterations: iteration - 1, converged };
    const better = search(input, design, { coefficients, step, loss });
    if (better === null) return { design, coefficients, covariance, iterations: iteration - 1, converged: true };
    ({ coefficients, loss } = better);
    if (!Number.isFinite(loss))
      throw new DomainError('PRN_TRAINING_DIVERGED', { iteration, problem: `the loss is ${loss}` });
    onIteration?.({ iteration, loss: loss / input.rows });
  }
}

/** The first of step, half step, quarter step … that makes the loss smaller; null where rounding lets none. */
function search(
  input: LinearInput,
  design: Design,
  from: { coefficients: Float64Array; step: Float64Array; loss: number },
): { coefficients: Float64Array<ArrayBuffer>; loss: number } | null {
  for (let halving = 0, factor = 1; halving < HALVINGS; halving += 1, factor /= 2) {
    const coefficients = Float64Array.from(
      from.coefficients,
      (value, index) => value + factor * (from.step[index] ?? 0),
    );
    const loss = lossOf(input, design, coefficients);
    if (loss < from.loss) return { coefficients, loss };
  }
  return null;
}

/** Information and the slope of the log likelihood. */
function curvature(input: LinearInput, design: Design, coefficients: Float64Array): NormalEquations {
  return sumRows(design, input.rows, (row, columns) => {
    const weight = weightOf(input, row);
    const probability = sigmoid(dot(columns, coefficients));
    return {
      curvature: weight * probability * (1 - probability),
      slope: weight * ((input.labels[row] as number) - probability),
    };
  });
}

function lossOf(input: LinearInput, design: Design, coefficients: Float64Array): number {
  const columns = new Float64Array(design.width);
  let loss = 0;
  for (let row = 0; row < input.rows; row += 1) {
    design.fill(row, columns);
    const score = dot(columns, coefficients);
    const label = input.labels[row] as number;
    loss += weightOf(input, row) * (Math.max(score, 0) - score * label + Math.log1p(Math.exp(-Math.abs(score))));
  }
  for (let index = 1; index < coefficients.length; index += 1)
    loss += (input.parameters.l2 * (coefficients[index] as number) ** 2) / 2;
  return loss;
}
