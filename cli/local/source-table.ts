/** A file somebody names on the command line, as a table function with its own columns. */
import { resolve } from 'node:path';
import type { JobContext } from '../../activities/jobs/context.js';
import { readable } from '../../activities/jobs/load-source.js';
import type { SourceFile } from '../../activities/jobs/sources/contract.js';
import { readHeader } from '../../activities/jobs/sources/delimited-header.js';
import { openSource } from '../../activities/jobs/sources/open-source.js';
import { DomainError } from '../../domain/errors.js';
import { type ColumnEvidence, countEvidence, readEvidence } from '../../ml/features/column-evidence.js';
import { describeSource, scan } from '../../ml/features/source-sql.js';
import type { SourceColumn } from '../../ml/features/spine-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';

/** The evidence of every column, in order. `relation` may be read once for each. */
export async function readColumnEvidence(
  session: TableSession,
  relation: string,
  columns: readonly SourceColumn[],
): Promise<ColumnEvidence[]> {
  const evidence: ColumnEvidence[] = [];
  for (const column of columns) {
    const [row] = await session.rows(countEvidence(relation, column));
    evidence.push(readEvidence(row));
  }
  return evidence;
}

/** Whoever runs the command may read what their own account may. */
export const ANY_FOLDER = ['/'];

export interface SourceTable {
  /** A table function in SQL. */
  readonly relation: string;
  readonly columns: readonly SourceColumn[];
  readonly file: SourceFile;
  /** True where the file has only text, so that a type is a matter of reading. */
  readonly untyped: boolean;
}

/** Opens one file and reads its columns; the private copy is gone when the body ends. Throws `PRN_DATASET_SOURCE_*`. */
export async function withSourceTable<T>(
  path: string,
  { context, session }: { context: JobContext; session: TableSession },
  body: (table: SourceTable) => Promise<T>,
): Promise<T> {
  const request = { sourceUri: resolve(path), format: undefined, sourceFolders: ANY_FOLDER };
  const source = await openSource(request, context);
  try {
    const [file, another] = source.files;
    if (file === undefined || another !== undefined) throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri: path });
    return await readable({ ...file, uri: path }, async () => {
      const scanned = { ...file, header: await readHeader({ ...file, uri: path }, session) };
      const found = await session.rows(describeSource(scanned));
      const columns = found.map((row) => ({
        name: String(row['column_name']),
        sourceType: String(row['column_type']),
      }));
      const untyped = file.format === 'csv' || file.format === 'tsv';
      return body({ relation: scan(scanned), columns, file: { ...file, uri: path }, untyped });
    });
  } finally {
    await source.remove();
  }
}
