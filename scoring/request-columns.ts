/** Request columns: what a caller sent, typed and complete, row by row aligned. */
import type { TensorData } from '../ml/onnx/session.js';

export type RequestDatatype = 'FP32' | 'INT64' | 'BYTES';

export type RequestColumn =
  /** NaN for null. */
  | { readonly name: string; readonly datatype: 'FP32'; readonly values: Float32Array }
  /** Safe integers. */
  | { readonly name: string; readonly datatype: 'INT64'; readonly values: readonly number[] }
  | { readonly name: string; readonly datatype: 'BYTES'; readonly values: readonly string[] };

export interface RequestRows {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, RequestColumn>;
}

/** The column as a tensor, of all rows (`null`; FP32 and BYTES are then not copied) or of the given ones. */
export function toTensorData(column: RequestColumn, rows: readonly number[] | null): TensorData {
  if (column.datatype === 'FP32') return rows === null ? column.values : takeFloats(column.values, rows);
  if (column.datatype === 'BYTES') return rows === null ? column.values : rows.map((row) => column.values[row] ?? '');
  const { values } = column;
  return BigInt64Array.from(rows === null ? values : rows.map((row) => values[row] ?? 0), BigInt);
}

function takeFloats(values: Float32Array, rows: readonly number[]): Float32Array {
  const taken = new Float32Array(rows.length);
  for (const [position, row] of rows.entries()) taken[position] = values[row] ?? Number.NaN;
  return taken;
}
