/**
 * Trains baselines as models of their own, which are served: what they look up are features of the model. Those that
 * evidence shows beside any model are in `ml/evaluation/baselines.ts`; both answer by the same formula.
 */
import { DomainError } from '../../../domain/errors.js';
import type { Task } from '../../../domain/task.js';
import type { BaselineParameters } from '../../../domain/trainer-parameters.js';
import { frequentValues } from '../frequent-values.js';
import { checkLabels } from '../labels.js';
import { columnOf } from '../matrix.js';
import { lastAnswers, meanAnswers, medianAnswer } from './answers.js';
import { entriesOf, entriesOfRows, type TableKey, type TableModel } from './table-model.js';

export interface BaselineInput {
  readonly task: Task;
  readonly outputs: number;
  /** Row-major, in order of time. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Names of the features. */
  readonly names: readonly string[];
  readonly labels: Float32Array;
  readonly weights?: Float32Array;
  readonly parameters: BaselineParameters;
}

type Method = NonNullable<BaselineParameters['method']>;

const MOST_ENTRIES = 1_000_000;

/** Throws what {@link checkLabels} throws, and `PRN_TRAINING_INVALID_PARAMETER` for a feature that the model lacks. */
export function trainBaseline(input: BaselineInput): TableModel {
  const { task, outputs, columns: featureCount, parameters } = input;
  checkLabels(task, input);
  const method = parameters.method ?? (task === 'regression' ? 'mean' : 'majority');
  checkMethod(method, task);
  const keys = keysOf(input, method);
  const entries = entriesOf(keys);
  if (entries > MOST_ENTRIES)
    throw invalid('maxValues', `small enough for ${MOST_ENTRIES} entries of the table`, entries);
  return { task, featureCount, outputs, keys, answers: answersOf(input, { method, keys, entries }) };
}

function checkMethod(method: Method, task: Task): void {
  const fits = task === 'regression' ? method !== 'majority' : method !== 'mean' && method !== 'median';
  if (!fits) throw invalid('method', `one for ${task} models`, method);
}

function keysOf(input: BaselineInput, method: Method): TableKey[] {
  const { column, hour, weekday } = input.parameters;
  switch (method) {
    case 'seasonal':
      return [keyOf(input, 'hour', hour), keyOf(input, 'weekday', weekday)];
    case 'rateBy':
      return [keyOf(input, 'column', column)];
    case 'last':
      return column === undefined ? [] : [keyOf(input, 'column', column)];
    default:
      return [];
  }
}

/** NaN is a value as well, where it occurs. */
function keyOf(input: BaselineInput, parameter: string, name: string | undefined): TableKey {
  const feature = name === undefined ? -1 : input.names.indexOf(name);
  if (feature < 0) throw invalid(parameter, `the name of a feature (${input.names.join(', ')})`, name);
  const values = columnOf(input, feature);
  const lacks = values.some((value) => Number.isNaN(value));
  const listed = frequentValues(values, input.parameters.maxValues);
  return { feature, values: lacks ? Float32Array.of(...listed, Number.NaN) : listed };
}

function invalid(parameter: string, expected: string, got: unknown): DomainError {
  return new DomainError('PRN_TRAINING_INVALID_PARAMETER', { parameter, expected, got });
}

function answersOf(
  input: BaselineInput,
  table: { readonly method: Method; readonly keys: readonly TableKey[]; readonly entries: number },
): Float32Array {
  const { method, keys, entries } = table;
  if (method === 'median') return Float32Array.of(medianAnswer(input));
  const rows = { ...input, entryOf: entriesOfRows(keys, input), entries };
  return method === 'last' ? lastAnswers(rows) : meanAnswers(rows, keys.length === 0 ? 0 : input.parameters.priorRows);
}
