/** Reads a result by columns, vector by vector, into typed arrays. A null slot of a vector holds 0, so validity is asked. */
import { type DuckDBConnection, DuckDBTypeId, type DuckDBVector } from '@duckdb/node-api';
import { DomainError } from '../../domain/errors.js';
import type { ColumnarResult, ColumnData } from '../contracts/tables.js';
import { safeInteger } from './values.js';

type Part = Float32Array | Float64Array | readonly string[];

/** Nulls become NaN, in columns of text the empty text. Throws for integers that a number cannot hold exactly. */
export async function readColumns(connection: DuckDBConnection, sql: string): Promise<ColumnarResult> {
  const result = await connection.stream(sql);
  const names = result.columnNames();
  const types = names.map((_name, index) => columnTypeOf(result.columnTypeId(index)));
  const parts: Part[][] = names.map(() => []);
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    rows += chunk.rowCount;
    for (const [index, type] of types.entries()) parts[index]?.push(readPart(chunk.getColumnVector(index), type));
  }
  const columns = Object.fromEntries(
    names.map((name, index) => [name, joinParts(types[index] ?? 'double', parts[index] ?? [])]),
  );
  return { rows, columns };
}

function columnTypeOf(typeId: DuckDBTypeId): ColumnData['type'] {
  switch (typeId) {
    case DuckDBTypeId.FLOAT:
      return 'float';
    case DuckDBTypeId.DOUBLE:
      return 'double';
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.UINTEGER:
      return 'integer';
    case DuckDBTypeId.VARCHAR:
      return 'string';
    default:
      throw new DomainError('PRN_TABLE_QUERY_FAILED', {
        reason: `a column of type ${DuckDBTypeId[typeId]} cannot be read by columns`,
      });
  }
}

function readPart(vector: DuckDBVector, type: ColumnData['type']): Part {
  const { itemCount } = vector;
  if (type === 'string') return Array.from({ length: itemCount }, (_unused, row) => textAt(vector, row));
  const values = type === 'float' ? new Float32Array(itemCount) : new Float64Array(itemCount);
  for (let row = 0; row < itemCount; row += 1) values[row] = numberAt(vector, row);
  return values;
}

function textAt(vector: DuckDBVector, row: number): string {
  const item = vector.getItem(row);
  return typeof item === 'string' ? item : '';
}

function numberAt(vector: DuckDBVector, row: number): number {
  const item = vector.getItem(row);
  if (typeof item === 'bigint') return safeInteger(item);
  return typeof item === 'number' ? item : Number.NaN;
}

function joinParts(type: ColumnData['type'], parts: readonly Part[]): ColumnData {
  if (type === 'string') return { type, values: parts.flatMap((part) => (Array.isArray(part) ? part : [])) };
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const values = type === 'float' ? new Float32Array(length) : new Float64Array(length);
  let offset = 0;
  for (const part of parts) {
    if (part instanceof Float32Array || part instanceof Float64Array) values.set(part, offset);
    offset += part.length;
  }
  return values instanceof Float32Array
    ? { type: 'float', values }
    : { type: type === 'integer' ? 'integer' : 'double', values };
}
