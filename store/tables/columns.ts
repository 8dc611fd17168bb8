/** Reads a result by columns, chunk by chunk, into typed arrays. Null slots of a vector hold 0, so validity is asked. */
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBTypeId } from '@duckdb/node-api';
import { DomainError } from '../../domain/errors.js';
import type { ColumnarResult, ColumnData } from '../contracts/tables.js';

type Part = Float32Array | Float64Array | readonly string[];

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
    for (const [index, type] of types.entries()) parts[index]?.push(readPart(chunk, index, type));
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

function readPart(chunk: DuckDBDataChunk, index: number, type: ColumnData['type']): Part {
  const values = chunk.getColumnValues(index);
  if (type === 'string') return values.map((value) => (value === null ? '' : String(value)));
  if (type === 'float') return Float32Array.from(values, numberOrNaN);
  return Float64Array.from(values, numberOrNaN);
}

function numberOrNaN(value: unknown): number {
  return value === null ? Number.NaN : Number(value);
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
