/**
 * DuckDB over Parquet files, in a sandbox: no network, no extensions, only the given folders, settings locked. One
 * in-memory instance, one connection per use. Row order is kept (`preserve_insertion_order`), so a `copy` of an ordered
 * query writes the same bytes for any number of threads; sums of floats do not have that property by themselves, which
 * is why queries order them or take them over decimals.
 */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { DomainError, isDomainError } from '../../domain/errors.js';
import type { TableEngine, TableSession } from '../contracts/tables.js';
import { appendColumns } from './append.js';
import { readColumns } from './columns.js';
import { Semaphore } from './semaphore.js';
import { plainValue } from './values.js';

export interface TableEngineOptions {
  /** Folders that queries may read and write. */
  readonly dataDirectories: readonly string[];
  readonly spillDirectory: string;
  /** DuckDB's own limit, `1GB` by default; the process needs about three times as much. */
  readonly memoryLimit?: string;
  readonly threads?: number;
}

/** Each running query holds one thread of Node's own pool, so that more of them would starve file reads. */
const MAX_CONCURRENT_QUERIES = 4;

/** An interrupt that comes before its query was taken from the queue is forgotten, so it is repeated. */
const INTERRUPT_EVERY_MS = 50;

/** Opens an engine; `close` it when done. Queries throw `PRN_TABLE_QUERY_FAILED` or `PRN_TABLE_INTERRUPTED`. */
export async function openTableEngine(options: TableEngineOptions): Promise<TableEngine> {
  const { dataDirectories, spillDirectory, memoryLimit = '1GB', threads = 2 } = options;
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    memory_limit: memoryLimit,
    threads: String(threads),
    temp_directory: spillDirectory,
  });
  const setup = await instance.connect();
  const folders = [...dataDirectories, spillDirectory].map((folder) => `'${folder.replaceAll("'", "''")}'`).join(', ');
  await setup.run(`set allowed_directories = [${folders}]`);
  await setup.run(`set timezone = 'UTC'`);
  await setup.run('set enable_external_access = false');
  await setup.run('set lock_configuration = true');
  setup.closeSync();

  const slots = new Semaphore(MAX_CONCURRENT_QUERIES);
  return {
    use: (body, signal) => slots.run(() => useConnection(instance, { body, signal }), signal),
    close: () => Promise.resolve(instance.closeSync()),
  };
}

async function useConnection<T>(
  instance: DuckDBInstance,
  use: { body: (session: TableSession) => Promise<T>; signal: AbortSignal | undefined },
): Promise<T> {
  const { body, signal } = use;
  signal?.throwIfAborted();
  const connection = await instance.connect();
  let repeat: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    connection.interrupt();
    repeat = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    return await body(openSession(connection, signal));
  } finally {
    signal?.removeEventListener('abort', interrupt);
    clearInterval(repeat);
    connection.closeSync();
  }
}

function openSession(connection: DuckDBConnection, signal: AbortSignal | undefined): TableSession {
  const run = <T>(query: () => Promise<T>): Promise<T> => guarded(query, signal);
  return {
    async execute(sql) {
      await run(() => connection.run(sql));
    },
    rows: (sql) =>
      run(async () => {
        const reader = await connection.runAndReadAll(sql);
        return reader
          .getRowObjectsJS()
          .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)])));
      }),
    columns: (sql) => run(() => readColumns(connection, sql)),
    append: (table, columns) => run(() => appendColumns(connection, { table, columns, signal })),
  };
}

async function guarded<T>(query: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal?.aborted === true) throw interrupted(signal.reason);
  try {
    return await query();
  } catch (error) {
    if (isDomainError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    if (reason.startsWith('INTERRUPT')) throw interrupted(error);
    throw new DomainError('PRN_TABLE_QUERY_FAILED', { reason }, { cause: error });
  }
}

function interrupted(cause: unknown): DomainError {
  return new DomainError('PRN_TABLE_INTERRUPTED', { reason: 'the caller stopped' }, { cause });
}
