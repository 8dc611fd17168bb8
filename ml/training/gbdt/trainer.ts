/**
 * Histogram gradient boosting for a binary outcome: Newton steps on log loss (Friedman 2001; second order as in Chen and
 * Guestrin 2016), leaf-wise growth. Deterministic: the same rows, parameters and seed give the same trees, whether a run
 * was interrupted and resumed or not.
 */
import { DomainError } from '../../../domain/errors.js';
import { uniformOf } from '../../random.js';
import { addTreeScores, sigmoid } from '../score.js';
import type { Tree, TreeEnsemble } from '../tree-ensemble.js';
import { binMatrix } from './binning.js';
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import { growTree } from './tree-builder.js';

export interface TrainingProgress {
  readonly iteration: number;
  readonly iterations: number;
  /** Mean log loss over the training rows, before this iteration's tree. */
  readonly trainingLoss: number;
  /** The trees so far: what a checkpoint keeps. */
  readonly ensemble: TreeEnsemble;
}

export interface TrainGradientBoostingInput {
  /** Row-major rows × columns; NaN is missing. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** 0 or 1. */
  readonly labels: Float32Array | Uint8Array;
  readonly weights?: Float32Array;
  readonly parameters: GbdtParameters;
  readonly seed: number;
  /** Called after each tree. */
  readonly onIteration?: (progress: TrainingProgress) => void;
  /** Asked before each tree; true ends training with the trees so far. */
  readonly shouldStop?: () => boolean;
  readonly resumeFrom?: { readonly ensemble: TreeEnsemble };
}

/** Trains; throws `PRN_TRAINING_NO_ROWS`, `PRN_TRAINING_ONE_CLASS` or `PRN_TRAINING_DIVERGED`. */
export function trainGradientBoosting(input: TrainGradientBoostingInput): TreeEnsemble {
  const baseScore = checkLabels(input);
  const { matrix, rows, columns, parameters } = input;
  const binned = binMatrix({ matrix, rows, columns, maxBins: parameters.bins });
  const trees: Tree[] = [...(input.resumeFrom?.ensemble.trees ?? [])];
  const scores = new Float64Array(rows).fill(baseScore);
  for (const tree of trees) addTreeScores(tree, matrix, scores);

  const gradients = new Float64Array(rows);
  const hessians = new Float64Array(rows);
  for (let iteration = trees.length; iteration < parameters.trees; iteration += 1) {
    if (input.shouldStop?.() === true) break;
    const trainingLoss = computeGradients(input, scores, { gradients, hessians });
    if (!Number.isFinite(trainingLoss))
      throw new DomainError('PRN_TRAINING_DIVERGED', { iteration, problem: `the loss is ${trainingLoss}` });
    const data = { binned, gradients, hessians, features: sampleFeatures(input, iteration), parameters };
    const tree = growTree(data, sampleRows(input, iteration));
    trees.push(tree);
    addTreeScores(tree, matrix, scores);
    input.onIteration?.({
      iteration: iteration + 1,
      iterations: parameters.trees,
      trainingLoss,
      ensemble: { featureCount: columns, baseScore, trees },
    });
  }
  return { featureCount: columns, baseScore, trees };
}

/** Log odds of the outcome, in float32 so that the exported graph starts from the same number. */
function checkLabels({ labels, rows, weights }: TrainGradientBoostingInput): number {
  if (rows === 0) throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'no row reached the trainer' });
  let positive = 0;
  let total = 0;
  for (let row = 0; row < rows; row += 1) {
    const label = labels[row] ?? Number.NaN;
    if (label !== 0 && label !== 1)
      throw new DomainError('PRN_TRAINING_INVALID_PARAMETER', {
        parameter: `label of row ${row}`,
        expected: '0 or 1',
        got: label,
      });
    const weight = weights?.[row] ?? 1;
    positive += label * weight;
    total += weight;
  }
  if (positive === 0 || positive === total) throw new DomainError('PRN_TRAINING_ONE_CLASS', { rows });
  return Math.fround(Math.log(positive / (total - positive)));
}

/** Gradient p − y and hessian p(1 − p) of log loss in the raw score; returns the mean loss. */
function computeGradients(
  { labels, weights }: TrainGradientBoostingInput,
  scores: Float64Array,
  out: { gradients: Float64Array; hessians: Float64Array },
): number {
  let loss = 0;
  for (let row = 0; row < scores.length; row += 1) {
    const score = scores[row] ?? 0;
    const label = labels[row] ?? 0;
    const weight = weights?.[row] ?? 1;
    const probability = sigmoid(score);
    out.gradients[row] = (probability - label) * weight;
    out.hessians[row] = Math.max(probability * (1 - probability), 1e-16) * weight;
    // log(1 + e^s) − y·s, written so that large scores do not overflow
    loss += weight * (Math.max(score, 0) - score * label + Math.log1p(Math.exp(-Math.abs(score))));
  }
  return loss / scores.length;
}

const ROW_STREAM = 1;
const FEATURE_STREAM = 2;

function sampleRows({ rows, parameters, seed }: TrainGradientBoostingInput, iteration: number): Int32Array {
  const all = Int32Array.from({ length: rows }, (_unused, row) => row);
  if (parameters.rowSampling === 1) return all;
  const sampled = all.filter((row) => uniformOf(seed, ROW_STREAM, iteration, row) < parameters.rowSampling);
  return sampled.length === 0 ? all : sampled;
}

/** At least one feature; the ones with the smallest draws. */
function sampleFeatures({ columns, parameters, seed }: TrainGradientBoostingInput, iteration: number): number[] {
  const all = Array.from({ length: columns }, (_unused, column) => column);
  if (parameters.columnSampling === 1) return all;
  const keep = Math.max(1, Math.round(columns * parameters.columnSampling));
  return all
    .map((column) => ({ column, draw: uniformOf(seed, FEATURE_STREAM, iteration, column) }))
    .sort((left, right) => left.draw - right.draw)
    .slice(0, keep)
    .map(({ column }) => column)
    .sort((left, right) => left - right);
}
