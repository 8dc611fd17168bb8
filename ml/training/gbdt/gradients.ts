/** Gradients and hessians of the losses in the raw score, as whole numbers, and the losses themselves. */
import { BLOCK_FIELDS, BLOCK_ROWS, type BoosterArrays } from './memory.js';

/** Hessians stay above zero, so that a leaf of confident rows has a value. */
const LEAST_HESSIAN_UNITS = 1;
/** Products of so much are turned into a sum of logarithms: one logarithm for many rows. */
const GREAT_PRODUCT = 1e200;

/** Fills the gradients of a block of rows for all outputs, and its sum of losses. */
export function computeGradients(arrays: BoosterArrays, block: number): void {
  const from = block * BLOCK_ROWS;
  const to = Math.min(arrays.layout.rows, from + BLOCK_ROWS);
  const { objective } = arrays.layout;
  const loss =
    objective === 'binary'
      ? binaryGradients(arrays, from, to)
      : objective === 'multiclass'
        ? multiclassGradients(arrays, from, to)
        : regressionGradients(arrays, from, to);
  arrays.blocks[block * BLOCK_FIELDS] = loss;
}

/** The greatest |score − label| · weight of a block: squared loss has gradients without a bound known before. */
export function measureResiduals({ scores, labels, weights, blocks, layout }: BoosterArrays, block: number): void {
  const from = block * BLOCK_ROWS;
  const to = Math.min(layout.rows, from + BLOCK_ROWS);
  let greatest = 0;
  for (let row = from; row < to; row += 1) {
    const weight = layout.weighted ? (weights[row] as number) : 1;
    const gradient = Math.abs((scores[row] as number) - (labels[row] as number)) * weight;
    // Written so that NaN wins.
    if (!(gradient <= greatest)) greatest = gradient;
  }
  blocks[block * BLOCK_FIELDS + 1] = greatest;
}

/** Gradient p − y and hessian p(1 − p) of log loss. */
function binaryGradients(
  { scores, labels, weights, gradients, scales, layout }: BoosterArrays,
  from: number,
  to: number,
): number {
  const [gradientScale = 1, hessianScale = 1] = scales;
  const { weighted } = layout;
  let loss = 0;
  let product = 1;
  for (let row = from; row < to; row += 1) {
    const score = scores[row] as number;
    const label = labels[row] as number;
    const weight = weighted ? (weights[row] as number) : 1;
    // log(1 + e^s) − y·s, written so that large scores do not overflow
    const power = Math.exp(score < 0 ? score : -score);
    const smaller = power / (1 + power);
    const probability = score < 0 ? smaller : 1 - smaller;
    gradients[2 * row] = Math.floor((probability - label) * weight * gradientScale + 0.5);
    const hessian = Math.floor(smaller * (1 - smaller) * weight * hessianScale + 0.5);
    gradients[2 * row + 1] = hessian < LEAST_HESSIAN_UNITS ? LEAST_HESSIAN_UNITS : hessian;
    if (weighted) {
      loss += weight * ((score > 0 ? score : 0) - score * label + Math.log1p(power));
    } else {
      loss += (score > 0 ? score : 0) - score * label;
      product *= 1 + power;
      if (product > GREAT_PRODUCT) {
        loss += Math.log(product);
        product = 1;
      }
    }
  }
  return loss + Math.log(product);
}

/** Gradient p_k − [y = k] and hessian p_k(1 − p_k) of log loss over softmax, one output a class. */
function multiclassGradients(
  { scores, labels, weights, gradients, scales, layout }: BoosterArrays,
  from: number,
  to: number,
): number {
  const [gradientScale = 1, hessianScale = 1] = scales;
  const { weighted, outputs, rows } = layout;
  const powers = new Float64Array(outputs);
  let loss = 0;
  for (let row = from; row < to; row += 1) {
    const weight = weighted ? (weights[row] as number) : 1;
    const label = labels[row] as number;
    const base = row * outputs;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let output = 0; output < outputs; output += 1) {
      const score = scores[base + output] as number;
      // Written so that NaN wins: a loss that is not a number must be seen.
      if (!(score <= greatest)) greatest = score;
    }
    let sum = 0;
    for (let output = 0; output < outputs; output += 1) {
      const power = Math.exp((scores[base + output] as number) - greatest);
      powers[output] = power;
      sum += power;
    }
    for (let output = 0; output < outputs; output += 1) {
      const probability = (powers[output] as number) / sum;
      const gradient = output === label ? probability - 1 : probability;
      const at = 2 * (output * rows + row);
      gradients[at] = Math.floor(gradient * weight * gradientScale + 0.5);
      const hessian = Math.floor(probability * (1 - probability) * weight * hessianScale + 0.5);
      gradients[at + 1] = hessian < LEAST_HESSIAN_UNITS ? LEAST_HESSIAN_UNITS : hessian;
    }
    loss += weight * (Math.log(sum) + greatest - (scores[base + label] as number));
  }
  return loss;
}

/** Squared: gradient s − y, hessian 1, loss half the square. Absolute: gradient the sign, hessian 1. */
function regressionGradients(
  { scores, labels, weights, gradients, scales, layout }: BoosterArrays,
  from: number,
  to: number,
): number {
  const [gradientScale = 1, hessianScale = 1] = scales;
  const absolute = layout.objective === 'absolute';
  let loss = 0;
  for (let row = from; row < to; row += 1) {
    const weight = layout.weighted ? (weights[row] as number) : 1;
    const residual = (scores[row] as number) - (labels[row] as number);
    const gradient = absolute ? Math.sign(residual) : residual;
    gradients[2 * row] = Math.floor(gradient * weight * gradientScale + 0.5);
    const hessian = Math.floor(weight * hessianScale + 0.5);
    gradients[2 * row + 1] = hessian < LEAST_HESSIAN_UNITS ? LEAST_HESSIAN_UNITS : hessian;
    loss += weight * (absolute ? Math.abs(residual) : (residual * residual) / 2);
  }
  return loss;
}
