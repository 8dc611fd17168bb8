/** SQL over Parquet files, sandboxed: what activities need of DuckDB. */

/** A column read into memory. `float` columns hold NaN for null, `integer` and `timestamp` ones are not nullable here. */
export type ColumnData =
  | { readonly type: 'float'; readonly values: Float32Array }
  | { readonly type: 'double'; readonly values: Float64Array }
  | { readonly type: 'integer'; readonly values: Float64Array }
  | { readonly type: 'string'; readonly values: readonly string[] };

export interface ColumnarResult {
  readonly rows: number;
  readonly columns: Readonly<Record<string, ColumnData>>;
}

export type SqlValue = string | number | boolean | null;

export interface TableSession {
  /** Runs a statement without reading a result. Throws `PRN_TABLE_QUERY_FAILED` or `PRN_TABLE_INTERRUPTED`. */
  execute(sql: string): Promise<void>;
  /** Reads a small result as rows; 64-bit integers become numbers (an unsafe one throws). */
  rows(sql: string): Promise<Record<string, SqlValue>[]>;
  /** Reads a large result by columns: REAL → float, DOUBLE → double, BIGINT/INTEGER → integer, VARCHAR → string. */
  columns(sql: string): Promise<ColumnarResult>;
  /**
   * Adds rows to a table of this session from memory: one array for each of its columns, all of equal length. REAL
   * columns take Float32Array, DOUBLE ones Float64Array; NaN stays NaN.
   */
  append(table: string, columns: readonly (Float32Array | Float64Array)[]): Promise<void>;
}

export interface TableEngine {
  /** Opens a connection, runs the body, closes it; aborting the signal interrupts the running query. */
  use<T>(body: (session: TableSession) => Promise<T>, signal?: AbortSignal): Promise<T>;
  close(): Promise<void>;
}
