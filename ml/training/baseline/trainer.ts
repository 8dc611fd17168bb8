/** Trains baselines: what a model must beat to be worth its trouble. */
import { DomainError } from '../../../domain/errors.js';
import type { Task } from '../../../domain/task.js';
import type { BaselineParameters } from '../../../domain/trainer-parameters.js';
import { frequentValues } from '../frequent-values.js';
import { checkLabels, weightOf } from '../labels.js';
import { columnOf } from '../matrix.js';
import { weightedMedian } from '../median.js';
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
  const { labels, rows, outputs, weights } = input;
  const { method, keys, entries } = table;
  if (method === 'median') return Float32Array.of(weightedMedian(Float64Array.from(labels.subarray(0, rows)), weights));
  const entryOf = entriesOfRows(keys, input);
  if (method === 'last') return lastAnswers(input, { entryOf, entries });
  const prior = keys.length === 0 ? 0 : input.parameters.priorRows;
  const sums = new Float64Array(entries * outputs);
  const totals = new Float64Array(entries);
  const overall = new Float64Array(outputs);
  let total = 0;
  for (let row = 0; row < rows; row += 1) {
    const entry = entryOf[row] ?? 0;
    const weight = weightOf(input, row);
    totals[entry] = (totals[entry] ?? 0) + weight;
    total += weight;
    for (let output = 0; output < outputs; output += 1) {
      const outcome = weight * outcomeOf(input, row, output);
      overall[output] = (overall[output] ?? 0) + outcome;
      sums[entry * outputs + output] = (sums[entry * outputs + output] ?? 0) + outcome;
    }
  }
  return Float32Array.from(sums, (sum, at) => {
    const mean = (overall[at % outputs] ?? 0) / total;
    const own = totals[Math.floor(at / outputs)] ?? 0;
    return own + prior === 0 ? mean : (sum + prior * mean) / (own + prior);
  });
}

/** The last row of each entry; the last of all where an entry has none. */
function lastAnswers(
  input: BaselineInput,
  { entryOf, entries }: { entryOf: Uint32Array; entries: number },
): Float32Array {
  const { rows, outputs } = input;
  const lastRows = new Int32Array(entries).fill(rows - 1);
  for (const [row, entry] of entryOf.entries()) lastRows[entry] = row;
  return Float32Array.from({ length: entries * outputs }, (_unused, at) =>
    outcomeOf(input, lastRows[Math.floor(at / outputs)] ?? 0, at % outputs),
  );
}

/** What an answer is the mean of: the label, or 1 for the class of the row. */
function outcomeOf({ task, labels }: BaselineInput, row: number, output: number): number {
  const label = labels[row] ?? 0;
  return task === 'multiclass' ? Number(label === output) : label;
}
