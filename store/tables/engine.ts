/**
 * DuckDB over Parquet files, in a sandbox: no network, no extensions, only the given folders, settings locked. One
 * in-memory instance, one connection per use.
 */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { DomainError, isDomainError } from '../../domain/errors.js';
import type { TableEngine, TableSession } from '../contracts/tables.js';
import { readColumns } from './columns.js';
import { Semaphore } from './semaphore.js';

export interface TableEngineOptions {
  /** Folders that queries may read and write. */
  readonly dataDirectories: readonly string[];
  readonly spillDirectory: string;
  readonly memoryLimit?: string;
  readonly threads?: number;
}

/** Each running query holds one thread of Node's own pool, so that more of them would starve file reads. */
const MAX_CONCURRENT_QUERIES = 4;

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
    use: (body, signal) => slots.run(() => useConnection(instance, { body, signal })),
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
  const interrupt = (): void => connection.interrupt();
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    return await body(openSession(connection));
  } finally {
    signal?.removeEventListener('abort', interrupt);
    connection.closeSync();
  }
}

function openSession(connection: DuckDBConnection): TableSession {
  return {
    async execute(sql) {
      await guarded(() => connection.run(sql));
    },
    rows: (sql) =>
      guarded(async () => {
        const reader = await connection.runAndReadAll(sql);
        return reader
          .getRowObjectsJS()
          .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)])));
      }),
    columns: (sql) => guarded(() => readColumns(connection, sql)),
  };
}

function plainValue(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new DomainError('PRN_TABLE_QUERY_FAILED', { reason: `the integer ${value} is too large to be exact` });
    return number;
  }
  return value instanceof Date ? value.toISOString() : JSON.stringify(value);
}

async function guarded<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (isDomainError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    if (reason.startsWith('INTERRUPT'))
      throw new DomainError('PRN_TABLE_INTERRUPTED', { reason: 'the caller stopped' }, { cause: error });
    throw new DomainError('PRN_TABLE_QUERY_FAILED', { reason }, { cause: error });
  }
}
