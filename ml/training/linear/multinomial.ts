/** Ridge multinomial regression (softmax): all classes have coefficients, which the ridge makes sum to zero. */
import { DomainError } from '../../../domain/errors.js';
import { softmaxInPlace } from '../score.js';
import { factorize } from '../solve.js';
import { weightOf } from '../labels.js';
import { Design } from './design.js';
import type { Covariance, Fit, LinearInput } from './fit.js';
import { type Evaluated, minimize } from './lbfgs.js';
import { mirror } from './normal-equations.js';

/** Of the gradient of the mean loss. */
const TOLERANCE = 1e-7;
/** Multiplications that the covariance may take; about ten seconds. */
const MOST_PRODUCTS = 5e9;
const MOST_COEFFICIENTS = 1_000;

export function fitMultinomial(input: LinearInput): Fit {
  const { rows, outputs, parameters, onIteration } = input;
  const design = new Design(input, parameters.maxCategories);
  const start = new Float64Array(outputs * design.width);
  const minimum = minimize((point) => evaluate(input, design, point), start, {
    tolerance: TOLERANCE,
    maxIterations: parameters.maxIterations,
    onIteration: (iteration, loss) => {
      if (!Number.isFinite(loss))
        throw new DomainError('PRN_TRAINING_DIVERGED', { iteration, problem: `the loss is ${loss}` });
      onIteration?.({ iteration, loss });
    },
  });
  const { point: coefficients, iterations, converged } = minimum;
  const size = coefficients.length;
  const affordable = size <= MOST_COEFFICIENTS && (rows * size * size) / 2 <= MOST_PRODUCTS;
  const covariance = affordable ? covarianceOf(input, design, coefficients) : null;
  return { design, coefficients, covariance, iterations, converged };
}

/** Mean penalised loss and its gradient. */
function evaluate(input: LinearInput, design: Design, point: Float64Array): Evaluated {
  const { rows, outputs, parameters, labels } = input;
  const { width } = design;
  const gradient = new Float64Array(point.length);
  let loss = 0;
  forEachRow(input, { design, point }, ({ row, columns, scores }) => {
    const weight = weightOf(input, row);
    const label = labels[row] as number;
    loss += weight * logSumExp(scores) - weight * (scores[label] as number);
    softmaxInPlace(scores);
    for (let output = 0; output < outputs; output += 1) {
      const slope = weight * ((scores[output] as number) - (output === label ? 1 : 0));
      for (let index = 0; index < width; index += 1) {
        const at = output * width + index;
        gradient[at] = (gradient[at] as number) + slope * (columns[index] as number);
      }
    }
  });
  for (let at = 0; at < point.length; at += 1) {
    if (at % width === 0) continue;
    loss += (parameters.l2 * (point[at] as number) ** 2) / 2;
    gradient[at] = (gradient[at] as number) + parameters.l2 * (point[at] as number);
  }
  return { value: loss / rows, gradient: gradient.map((part) => part / rows) };
}

interface RowView {
  readonly row: number;
  readonly columns: Float64Array;
  readonly scores: Float64Array;
}

/** Hands on the design columns and raw scores of each row, in arrays that are used again. */
function forEachRow(
  input: LinearInput,
  { design, point }: { design: Design; point: Float64Array },
  visit: (view: RowView) => void,
): void {
  const { width } = design;
  const columns = new Float64Array(width);
  const scores = new Float64Array(input.outputs);
  for (let row = 0; row < input.rows; row += 1) {
    design.fill(row, columns);
    for (let output = 0; output < input.outputs; output += 1) {
      let score = 0;
      for (let index = 0; index < width; index += 1)
        score += (point[output * width + index] as number) * (columns[index] as number);
      scores[output] = score;
    }
    visit({ row, columns, scores });
  }
}

function logSumExp(scores: Float64Array): number {
  const greatest = scores.reduce((left, right) => Math.max(left, right), Number.NEGATIVE_INFINITY);
  return greatest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - greatest), 0));
}

/**
 * Adding the same to a column's coefficients of all classes changes no probability. The information is flat in these
 * directions; a one for every pair of classes is added there, which leaves the errors of coefficients that sum to zero.
 */
function covarianceOf(input: LinearInput, design: Design, coefficients: Float64Array): Covariance {
  const { outputs, parameters } = input;
  const { width } = design;
  const size = coefficients.length;
  const information = informationOf(input, design, coefficients);
  const bordered = information.slice();
  for (let left = 0; left < size; left += 1) {
    const column = left % width;
    for (let output = 0; output < outputs; output += 1) {
      const at = left * size + output * width + column;
      bordered[at] = (bordered[at] as number) + 1;
    }
    if (column > 0) bordered[left * size + left] = (bordered[left * size + left] as number) + parameters.l2;
  }
  const factor = factorize(bordered, size);
  return { factor, information, scale: 1, degreesOfFreedom: Number.POSITIVE_INFINITY };
}

/** Σ w·(diag(p) − p·pᵀ) ⊗ x·xᵀ. */
function informationOf(input: LinearInput, design: Design, coefficients: Float64Array): Float64Array {
  const { outputs } = input;
  const { width } = design;
  const size = coefficients.length;
  const information = new Float64Array(size * size);
  forEachRow(input, { design, point: coefficients }, ({ row, columns, scores }) => {
    const weight = weightOf(input, row);
    softmaxInPlace(scores);
    for (let left = 0; left < size; left += 1) {
      const output = Math.floor(left / width);
      const value = weight * (scores[output] as number) * (columns[left % width] as number);
      if (value === 0) continue;
      for (let other = output; other < outputs; other += 1) {
        const factor = value * ((other === output ? 1 : 0) - (scores[other] as number));
        const base = left * size + other * width;
        for (let index = 0; index < width; index += 1)
          information[base + index] = (information[base + index] as number) + factor * (columns[index] as number);
      }
    }
  });
  mirror(information, size);
  return information;
}
