/** Request columns: what a caller sent, typed and complete, row by row aligned. */
import type { TensorData } from '../ml/onnx/session.js';

export type RequestDatatype = 'FP32' | 'INT64' | 'BYTES';

export interface RequestColumn {
  readonly name: string;
  readonly datatype: RequestDatatype;
  /** FP32: NaN for null. INT64: safe integers. BYTES: texts. */
  readonly values: readonly (number | string)[];
}

export interface RequestRows {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, RequestColumn>;
}

/** The column as a tensor, of all rows or of the given ones. */
export function toTensorData(column: RequestColumn, rows: readonly number[] | null): TensorData {
  const values = rows === null ? column.values : rows.map((row) => column.values[row] ?? Number.NaN);
  if (column.datatype === 'FP32') return Float32Array.from(values, Number);
  if (column.datatype === 'INT64') return BigInt64Array.from(values, (value) => BigInt(value));
  return values.map(String);
}
