/** Writes columns of numbers from memory into a table, vector by vector. */
import { type DuckDBConnection, DuckDBDataChunk, DOUBLE, FLOAT } from '@duckdb/node-api';

/** Rows of one vector: the engine takes no more at once. */
const CHUNK_ROWS = 2_048;
/** The engine works on this thread while it takes rows, so others get their turn after so many chunks. */
const CHUNKS_PER_TURN = 32;

export interface AppendedColumns {
  readonly table: string;
  readonly columns: readonly (Float32Array | Float64Array)[];
  readonly signal: AbortSignal | undefined;
}

export async function appendColumns(
  connection: DuckDBConnection,
  { table, columns, signal }: AppendedColumns,
): Promise<void> {
  const types = columns.map((values) => (values instanceof Float32Array ? FLOAT : DOUBLE));
  const rows = columns[0]?.length ?? 0;
  const appender = await connection.createAppender(table);
  try {
    for (let from = 0, chunks = 1; from < rows; from += CHUNK_ROWS, chunks += 1) {
      const to = Math.min(rows, from + CHUNK_ROWS);
      const chunk = DuckDBDataChunk.create(types, to - from);
      for (const [index, values] of columns.entries())
        chunk.setColumnValues(index, Array.from(values.subarray(from, to)));
      appender.appendDataChunk(chunk);
      if (chunks % CHUNKS_PER_TURN !== 0) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
  } finally {
    appender.closeSync();
  }
}
