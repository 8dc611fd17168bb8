/** The column names of a delimited file: nothing else in it is guessed. */
import { open } from 'node:fs/promises';
import { DomainError } from '../../../domain/errors.js';
import { DELIMITERS, firstLine } from '../../../ml/features/source-sql.js';
import type { TableSession } from '../../../store/contracts/tables.js';
import type { SourceFile } from './contract.js';

const HEADER_BYTES = 65_536;

/**
 * Column names in the first line, which may be quoted; none for a format that is not delimited. One without a name, as
 * data frames write their index, is called by its place: `column_1`. Throws `PRN_DATASET_SOURCE_UNREADABLE`.
 */
export async function readHeader(
  file: Pick<SourceFile, 'format' | 'path' | 'uri' | 'compression'>,
  session: TableSession,
): Promise<string[]> {
  const { format, path, uri, compression } = file;
  const delimiter = DELIMITERS[format];
  if (delimiter === undefined) return [];
  const read = compression === null ? await readLine(path) : await unpackLine(file, session);
  const line = read.replace(/^\uFEFF/, '');
  const fields = splitFields(line, delimiter);
  const names = fields.map((field, index) => nameIn(field) || `column_${index + 1}`);
  const reason = lineProblem(line, fields) ?? nameProblem(names);
  if (reason !== null)
    throw new DomainError('PRN_DATASET_SOURCE_UNREADABLE', { uri, format, line: ', line 1', reason });
  return names;
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

function splitFields(line: string, delimiter: string): string[] {
  const fields = line.match(new RegExp(`("(?:[^"]|"")*"|[^${delimiter}]*)(?:${delimiter}|$)`, 'g')) ?? [];
  const count = line.endsWith(delimiter) ? fields.length : -1;
  return fields.slice(0, count).map((field) => (field.endsWith(delimiter) ? field.slice(0, -1) : field));
}

function nameIn(field: string): string {
  return field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field.trim();
}

function lineProblem(line: string, fields: readonly string[]): string | null {
  if (line.trim() === '') return 'the names of its columns must stand there, and there is nothing';
  if (Buffer.byteLength(line) >= HEADER_BYTES) return `the names of its columns take more than ${HEADER_BYTES} bytes`;
  if (line.includes('\r')) return 'its lines end in a carriage return alone; end them in a line feed';
  const isOpen = fields.some((field) => field.startsWith('"') && !/^"(?:[^"]|"")*"$/.test(field));
  return isOpen ? "the name of a column has a line break in it, or its quotes don't close" : null;
}

/** To the table engine the case of letters tells no names apart. */
function nameProblem(names: readonly string[]): string | null {
  const lower = names.map((name) => name.toLowerCase());
  const repeated = names.find((_name, index) => lower.indexOf(lower[index] ?? '') < index);
  return repeated === undefined ? null : `two columns are called "${repeated}"; names must differ in more than case`;
}
