/** Scores many rows with one session: in batches, so that a caller can report progress and stop between them. */
import { DomainError } from '../domain/errors.js';
import type { OnnxSession, TensorData } from '../ml/onnx/session.js';

/** Aligned columns by input name, as a session takes them. */
export type InputColumns = Readonly<Record<string, TensorData>>;

export interface BatchScoring {
  readonly session: OnnxSession;
  readonly columns: InputColumns;
  readonly rows: number;
  /** The FP32 output to collect. */
  readonly output: string;
  /** Values of that output per row. */
  readonly width: number;
  readonly batchRows?: number;
  /** Called before each batch with the rows done so far; what it throws ends the scoring. */
  readonly onBatch?: (rowsDone: number) => void;
}

const DEFAULT_BATCH_ROWS = 4_096;

/** Returns the output of all rows, row-major rows × width. Throws `PRN_ONNX_INVALID` if the output is not FP32. */
export async function scoreInBatches(scoring: BatchScoring): Promise<Float32Array> {
  const { session, columns, rows, output, width, batchRows = DEFAULT_BATCH_ROWS, onBatch } = scoring;
  const scores = new Float32Array(rows * width);
  for (let from = 0; from < rows; from += batchRows) {
    onBatch?.(from);
    const feeds = sliceColumns(columns, from, Math.min(rows, from + batchRows));
    const { [output]: values } = await session.run(feeds, [output]);
    if (!(values instanceof Float32Array))
      throw new DomainError('PRN_ONNX_INVALID', { problem: `${output} is not FP32` });
    scores.set(values, from * width);
  }
  return scores;
}

/** Rows `from` to before `to` of all columns; numbers are views on the same memory. */
export function sliceColumns(columns: InputColumns, from: number, to: number): Record<string, TensorData> {
  return Object.fromEntries(Object.entries(columns).map(([name, data]) => [name, sliceOf(data, from, to)]));
}

function sliceOf(data: TensorData, from: number, to: number): TensorData {
  return data instanceof Float32Array || data instanceof Float64Array || data instanceof BigInt64Array
    ? data.subarray(from, to)
    : data.slice(from, to);
}

/** Values of one kind, one column after the other. */
export function concatColumns(columns: readonly TensorData[]): TensorData {
  const length = columns.reduce((sum, column) => sum + column.length, 0);
  const [first] = columns;
  if (first instanceof Float32Array || first instanceof Float64Array) {
    const joined = first instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
    let offset = 0;
    for (const column of columns) {
      if (column instanceof Float32Array || column instanceof Float64Array) joined.set(column, offset);
      offset += column.length;
    }
    return joined;
  }
  if (first instanceof BigInt64Array) {
    const joined = new BigInt64Array(length);
    let offset = 0;
    for (const column of columns) {
      if (column instanceof BigInt64Array) joined.set(column, offset);
      offset += column.length;
    }
    return joined;
  }
  return columns.flatMap((column) => Array.from(column, String));
}
