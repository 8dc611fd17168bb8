/** What a model that was made elsewhere takes and gives, read off its own description. */
import { DomainError } from '../../domain/errors.js';
import type { TaskShape } from '../../domain/task.js';
import { scoreWidth } from '../../domain/task.js';
import type { FeatureBinding } from './prefix-graph.js';
import type { TensorInfo } from './session.js';
import type { ForeignScores } from './suffix-graph.js';

/**
 * All features as one FP32 [N,k] matrix, or some of them by name as FP32 [N,1]. A single input that is called as the
 * only feature is a column. Throws `PRN_TRAINER_INPUTS`.
 */
export function bindFeatures(inputs: readonly TensorInfo[], features: readonly string[]): FeatureBinding {
  const width = features.length;
  const refuse = (): DomainError =>
    new DomainError('PRN_TRAINER_INPUTS', {
      expected: `one FP32 matrix [N,${width}], or FP32 [N,1] inputs named as features (${features.join(', ')})`,
      got: inputs.map(described).join(', ') || 'no inputs',
    });
  if (inputs.length === 0 || inputs.some(({ datatype }) => datatype !== 'FP32')) throw refuse();
  const isColumn = ({ name, shape }: TensorInfo): boolean =>
    features.includes(name) && (shape.length === 0 || (shape.length === 2 && fits(shape[1], 1)));
  if (inputs.every(isColumn)) return { kind: 'columns' };
  const [only, ...others] = inputs;
  const isMatrix = only !== undefined && others.length === 0;
  if (isMatrix && (only.shape.length === 0 || (only.shape.length === 2 && fits(only.shape[1], width))))
    return { kind: 'matrix', input: only.name };
  throw refuse();
}

/** The output with the scores. Its width may be left open: what the model gave for `rows` rows tells. */
export function bindScores(
  outputs: readonly TensorInfo[],
  given: { readonly name: string; readonly values: number; readonly rows: number },
  shape: TaskShape,
): ForeignScores {
  const output = requireScores(outputs, given.name, shape);
  const width = given.values / given.rows;
  const rank = output.shape.length === 1 ? 1 : 2;
  if (!widthsOf(shape).includes(width))
    throw new DomainError('PRN_TRAINER_OUTPUTS', { expected: expectedOf(shape), got: `${width} values a row` });
  return { name: output.name, datatype: output.datatype, rank, width };
}

/** The described output, before anything was run. Throws `PRN_TRAINER_OUTPUTS`. */
export function requireScores(
  outputs: readonly TensorInfo[],
  name: string,
  shape: TaskShape,
): TensorInfo & { readonly datatype: 'FP32' | 'FP64' } {
  const output = outputs.find((each) => each.name === name);
  const refuse = (): DomainError =>
    new DomainError('PRN_TRAINER_OUTPUTS', {
      expected: `output ${name} with ${expectedOf(shape)}`,
      got: outputs.map(described).join(', ') || 'no outputs',
    });
  if (output === undefined || output.shape.length > 2) throw refuse();
  const { datatype } = output;
  if (datatype !== 'FP32' && datatype !== 'FP64') throw refuse();
  if (output.shape.length === 2 && !widthsOf(shape).some((width) => fits(output.shape[1], width))) throw refuse();
  return { ...output, datatype };
}

/** The scores of this task alone, float64: of a pair of probabilities that of the second outcome. */
export function taskScores(
  values: ArrayLike<number>,
  { width }: Pick<ForeignScores, 'width'>,
  shape: TaskShape,
): Float64Array {
  if (shape.task !== 'binary' || width === 1) return Float64Array.from(values);
  return Float64Array.from({ length: values.length / width }, (_unused, row) => values[row * width + 1] ?? Number.NaN);
}

/** Why scores cannot be those of the task, or null: they have to be finite, probabilities within [0, 1] and summing to 1. */
export function scoreProblem(scores: ArrayLike<number>, shape: TaskShape): string | null {
  const width = scoreWidth(shape);
  const rows = scores.length / width;
  let [notFinite, outside] = [0, 0];
  for (let row = 0; row < rows; row += 1) {
    let sum = 0;
    let [finite, within] = [true, true];
    for (let index = row * width; index < (row + 1) * width; index += 1) {
      const score = scores[index] ?? Number.NaN;
      sum += score;
      finite &&= Number.isFinite(score);
      within &&= score >= -PROBABILITY_SLACK && score <= 1 + PROBABILITY_SLACK;
    }
    if (!finite) notFinite += 1;
    else if (shape.task !== 'regression' && !(within && (shape.task === 'binary' || Math.abs(sum - 1) <= SUM_SLACK)))
      outside += 1;
  }
  if (notFinite > 0) return `${notFinite} of ${rows} rows have predictions that are not finite numbers`;
  const sums = shape.task === 'multiclass' ? ' and sum to 1' : '';
  return outside > 0
    ? `${outside} of ${rows} rows have values that are no probabilities, which lie in [0, 1]${sums}`
    : null;
}

const PROBABILITY_SLACK = 1e-6;
const SUM_SLACK = 1e-3;

function widthsOf(shape: TaskShape): readonly number[] {
  return shape.task === 'binary' ? [1, 2] : [scoreWidth(shape)];
}

function expectedOf(shape: TaskShape): string {
  if (shape.task === 'binary') return 'the probability of 1, as FP32 [N], [N,1], or [N,2] with that of 0 before it';
  if (shape.task === 'regression') return 'the value, as FP32 [N] or [N,1]';
  return `the probabilities of the ${shape.classes.length} classes, as FP32 [N,${shape.classes.length}]`;
}

function fits(size: number | undefined, wanted: number): boolean {
  return size === wanted || size === -1;
}

function described({ name, datatype, shape }: TensorInfo): string {
  return `${name} ${datatype} [${shape.map((size) => (size < 0 ? 'N' : size)).join(',')}]`;
}
