/** Rows of a training dataset in memory: event times, labels, and the columns a model's graph is fed with. */
import type { ArtifactRef } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import type { ModelInput } from '../../domain/features.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { EVENT_TIME_COLUMN, GROUP_COLUMN, LABEL_COLUMN, WEIGHT_COLUMN } from '../../ml/features/model-inputs.js';
import type { TensorData } from '../../ml/onnx/session.js';
import { concatColumns, type InputColumns, sliceColumns } from '../../scoring/batch.js';
import type { ColumnData } from '../../store/contracts/tables.js';
import type { JobContext } from './context.js';

export interface ModelRows {
  readonly rows: number;
  /** Microseconds, ascending. */
  readonly eventTs: Float64Array;
  /** 0 or 1, position of the class, or the value. */
  readonly labels: Float32Array;
  /** Above 0; absent where all rows count alike. */
  readonly weights?: Float32Array;
  /** The group of each row, where the split is by group; in a holdout also its key, where the split is by a hash. */
  readonly groups?: readonly string[];
  readonly columns: InputColumns;
}

type Reading = Pick<JobContext, 'tables' | 'artifacts' | 'signal'>;

/** Reads one part of a training dataset; of its columns only those that are asked for. */
export function readModelRows(context: Reading, part: ArtifactRef, names: readonly string[]): Promise<ModelRows> {
  return readAvailableRows(context, part, { names, optional: [] });
}

/** The same, with those of the `optional` columns that the part holds. A name may be given more than once. */
export async function readAvailableRows(
  { tables, artifacts, signal }: Reading,
  part: ArtifactRef,
  { names, optional }: { readonly names: readonly string[]; readonly optional: readonly string[] },
): Promise<ModelRows> {
  const path = quoteText(await artifacts.localPath(part));
  const { rows, columns, taken } = await tables.use(async (session) => {
    const described = await session.rows(`DESCRIBE SELECT * FROM read_parquet(${path})`);
    const available = new Set(described.map(({ column_name: name }) => String(name)));
    const isHeld = (name: string): boolean => available.has(name);
    const wanted = [...new Set([...names, ...optional.filter(isHeld)])];
    const all = [EVENT_TIME_COLUMN, LABEL_COLUMN, ...[WEIGHT_COLUMN, GROUP_COLUMN].filter(isHeld), ...wanted];
    const read = await session.columns(`SELECT ${all.map(quoteIdentifier).join(', ')} FROM read_parquet(${path})`);
    return { ...read, taken: wanted };
  }, signal);
  const groups = columns[GROUP_COLUMN];
  return {
    rows,
    eventTs: Float64Array.from(numbersOf(columns, EVENT_TIME_COLUMN)),
    labels: Float32Array.from(numbersOf(columns, LABEL_COLUMN)),
    ...(columns[WEIGHT_COLUMN] !== undefined && {
      weights: Float32Array.from(numbersOf(columns, WEIGHT_COLUMN)),
    }),
    ...(groups?.type === 'string' && { groups: groups.values }),
    columns: Object.fromEntries(taken.map((name) => [name, tensorOf(requireColumn(columns, name))])),
  };
}

/** The same rows, fewer of them, in the order of the indexes. */
export function takeRows(columns: InputColumns, indexes: readonly number[]): Record<string, TensorData> {
  return Object.fromEntries(Object.entries(columns).map(([name, data]) => [name, takeValues(data, indexes)]));
}

/** The same of all that rows have. */
export function takeModelRows(
  { eventTs, labels, weights, groups, columns }: ModelRows,
  indexes: readonly number[],
): ModelRows {
  return {
    rows: indexes.length,
    eventTs: Float64Array.from(indexes, (index) => eventTs[index] ?? 0),
    labels: Float32Array.from(indexes, (index) => labels[index] ?? Number.NaN),
    ...(weights && { weights: Float32Array.from(indexes, (index) => weights[index] ?? 0) }),
    ...(groups && { groups: indexes.map((index) => groups[index] ?? '') }),
    columns: takeRows(columns, indexes),
  };
}

/** Rows `from` to before `to`. */
export function sliceRows(
  { eventTs, labels, columns, weights, groups }: ModelRows,
  from: number,
  to: number,
): ModelRows {
  return {
    rows: to - from,
    eventTs: eventTs.subarray(from, to),
    labels: labels.subarray(from, to),
    columns: sliceColumns(columns, from, to),
    ...(weights && { weights: weights.subarray(from, to) }),
    ...(groups && { groups: groups.slice(from, to) }),
  };
}

/** The rows of two parts of one dataset, the later ones last, with the columns of the first. */
export function joinRows(first: ModelRows, second: ModelRows): ModelRows {
  const names = Object.keys(first.columns);
  const join = (name: string): TensorData => concatColumns([first.columns[name] ?? [], second.columns[name] ?? []]);
  return {
    rows: first.rows + second.rows,
    eventTs: joinNumbers(first.eventTs, second.eventTs),
    labels: joinNumbers(first.labels, second.labels),
    columns: Object.fromEntries(names.map((name) => [name, join(name)])),
    ...(first.weights && second.weights && { weights: joinNumbers(first.weights, second.weights) }),
  };
}

function joinNumbers<T extends Float32Array | Float64Array>(first: T, second: T): T {
  return concatColumns([first, second]) as T;
}

/** Names of a plan's inputs, as the training dataset calls its columns. */
export function inputNames(inputs: readonly ModelInput[]): string[] {
  return inputs.map(({ name }) => name);
}

/** True where a value of a column counts as missing to a graph. */
export function isMissing(data: TensorData, row: number): boolean {
  const value = data[row];
  return value === '' || (typeof value === 'number' && Number.isNaN(value));
}

function takeValues(data: TensorData, indexes: readonly number[]): TensorData {
  if (data instanceof Float32Array) return Float32Array.from(indexes, (index) => data[index] ?? Number.NaN);
  if (data instanceof Float64Array) return Float64Array.from(indexes, (index) => data[index] ?? Number.NaN);
  if (data instanceof BigInt64Array) return BigInt64Array.from(indexes, (index) => data[index] ?? 0n);
  return indexes.map((index) => data[index] ?? '');
}

function tensorOf(column: ColumnData): TensorData {
  if (column.type === 'integer') return BigInt64Array.from(column.values, BigInt);
  if (column.type === 'double') return Float32Array.from(column.values);
  return column.values;
}

function numbersOf(columns: Readonly<Record<string, ColumnData>>, name: string): ArrayLike<number> {
  const column = requireColumn(columns, name);
  if (column.type === 'string')
    throw new DomainError('PRN_TABLE_QUERY_FAILED', { reason: `column ${name} holds text` });
  return column.values;
}

function requireColumn(columns: Readonly<Record<string, ColumnData>>, name: string): ColumnData {
  const column = columns[name];
  if (column === undefined) throw new DomainError('PRN_TABLE_QUERY_FAILED', { reason: `column ${name} is missing` });
  return column;
}
