/** Reads the files of a source, once, into the temporary table of judged rows. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import { didYouMean } from '../../domain/names.js';
import { attemptSource, describeSource } from '../../ml/features/source-sql.js';
import { type FileRows, JUDGED, judgeRows } from '../../ml/validation/judged-sql.js';
import { mayJoin, type RowRule } from '../../ml/validation/row-rules.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { SourceFile } from './sources/contract.js';
import { readHeader } from './sources/delimited-header.js';

export interface LoadedSource {
  readonly files: readonly FileRows[];
  /** Columns of the first file, in its order. */
  readonly columns: readonly string[];
}

interface LoadInput {
  readonly dataset: string;
  readonly spec: DatasetSpec;
  readonly rules: readonly RowRule[];
}

/** Leaves a temporary table of judged rows. Throws `PRN_DATASET_SCHEMA_MISMATCH` and `PRN_DATASET_SOURCE_UNREADABLE`. */
export async function loadSource(
  session: TableSession,
  files: readonly SourceFile[],
  input: LoadInput,
): Promise<LoadedSource> {
  const loaded: FileRows[] = [];
  let columns: readonly string[] = [];
  for (const [index, file] of files.entries()) {
    const [counted] = index === 0 ? [] : await session.rows(`select count(*) as n from ${JUDGED}`);
    const firstRow = Number(counted?.['n'] ?? 0) + 1;
    const names = await readable(file, () => loadFile(session, file, { ...input, isFirst: index === 0 }));
    if (index === 0) columns = names;
    loaded.push({ uri: file.uri, firstRow });
  }
  return { files: loaded, columns };
}

async function loadFile(
  session: TableSession,
  file: SourceFile,
  { dataset, spec, rules, isFirst }: LoadInput & { isFirst: boolean },
): Promise<string[]> {
  const source = { ...file, header: await readHeader(file, session) };
  const found = await session.rows(describeSource(source));
  const names = found.map((row) => String(row['column_name']));
  requireColumns({ spec, dataset, file }, names);
  const types = Object.fromEntries(found.map((row) => [String(row['column_name']), String(row['column_type'])]));
  const attempt = attemptSource(spec, { ...source, types, inOrder: rules.some(mayJoin) });
  const rows = judgeRows(spec, rules, attempt);
  await session.execute(
    isFirst ? `create or replace temp table ${JUDGED} as ${rows}` : `insert into ${JUDGED} ${rows}`,
  );
  return names;
}

function requireColumns(
  { spec, dataset, file }: { spec: DatasetSpec; dataset: string; file: SourceFile },
  names: readonly string[],
): void {
  const wanted = spec.columns.map(({ name, from = name }) => from);
  const missing = wanted.filter((name) => !names.includes(name));
  if (missing.length === 0) return;
  const spare = names.filter((name) => !wanted.includes(name));
  const { uri, format } = file;
  const listed = missing.map((name) => `${name}${didYouMean(name, spare)}`).join(', ');
  // What the reader calls values that have no members.
  const isBare = format.endsWith('json') && names.length === 1 && names[0] === 'json';
  const problem = isBare ? 'none of its values is an object with members' : `column ${listed} is missing`;
  const [expected, got] = [wanted.join(', '), isBare ? 'nothing' : names.join(', ')];
  throw new DomainError('PRN_DATASET_SCHEMA_MISMATCH', { uri, dataset, problem, expected, got });
}

/** Reader errors name the file, and the line where the reader knows it. */
export async function readable<T>({ uri, format }: SourceFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'PRN_TABLE_QUERY_FAILED') throw error;
    const { reason, line } = explain(String(error.details['reason']));
    throw new DomainError(
      'PRN_DATASET_SOURCE_UNREADABLE',
      { uri, format, line: line === null ? '' : `, line ${line}`, reason },
      { cause: error },
    );
  }
}

/** What a reader says behind the place in delimited text, and what it calls an error only in its first line. */
const DELIMITED = [/^Expected Number of Columns: .*/m, /^Invalid unicode.*/m, /^Value with unterminated quote found/m];
const MIXED_LINES = /state machine reached an invalid state/;

/** The reader's own words, without its private copy's path and without advice about its options. */
function explain(told: string): { reason: string; line: number | null } {
  const [first = ''] = told.split('\n');
  const place = /(?:CSV Error on Line: | in line )(\d+)/.exec(first)?.[1];
  const details = DELIMITED.map((pattern) => pattern.exec(told)?.[0]).find((found) => found !== undefined);
  const words = MIXED_LINES.test(first)
    ? 'it is no plain delimited text, for example because some lines end in a carriage return and others do not'
    : (details ?? first.replace(/^(Invalid Input|IO|Binder|Parser) Error: /, ''));
  const plain = words
    .replace(/(["'])[^"']*[/\\]scratch[/\\][^"']*\1/g, 'the source')
    .replace(/(at byte \d+) in line \d+/, '$1')
    .replace(/(at byte \d+ in) record\/value (\d+)/, (_all, at, value) => `${at} value ${Number(value) - 1}`)
    .replace(/(\. Try .*|[.\s]+)$/, '');
  // The reader counts lines and values from 2 where it finds no JSON in one.
  const isAhead = /^(Invalid Input Error: )?Malformed JSON/.test(first);
  return { reason: plain, line: place === undefined ? null : Number(place) - (isAhead ? 1 : 0) };
}
