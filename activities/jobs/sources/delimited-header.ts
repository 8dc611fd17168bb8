/** The column names of a delimited file: nothing else in it is guessed. */
import { open } from 'node:fs/promises';
import { DELIMITERS, firstLine } from '../../../ml/features/source-sql.js';
import type { TableSession } from '../../../store/contracts/tables.js';
import type { SourceFile } from './contract.js';

const HEADER_BYTES = 65_536;

/** Column names in the first line, which may be quoted; none for a format that is not delimited. */
export async function readHeader(
  file: Pick<SourceFile, 'format' | 'path' | 'compression'>,
  session: TableSession,
): Promise<string[]> {
  const delimiter = DELIMITERS[file.format];
  if (delimiter === undefined) return [];
  const line = file.compression === null ? await readLine(file.path) : await unpackLine(file, session);
  return splitHeader(line.replace(/^\uFEFF/, ''), delimiter);
}

async function readLine(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString('utf8').split(/\r?\n/)[0] ?? '';
  } finally {
    await file.close();
  }
}

async function unpackLine(file: Pick<SourceFile, 'path' | 'compression'>, session: TableSession): Promise<string> {
  const [row] = await session.rows(firstLine(file));
  return String(row?.['line'] ?? '');
}

function splitHeader(line: string, delimiter: string): string[] {
  const fields = line.match(new RegExp(`("(?:[^"]|"")*"|[^${delimiter}]*)(?:${delimiter}|$)`, 'g')) ?? [];
  const count = line.endsWith(delimiter) ? fields.length : -1;
  const names = fields.slice(0, count).map((field) => (field.endsWith(delimiter) ? field.slice(0, -1) : field));
  return names.map((name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.trim()));
}
