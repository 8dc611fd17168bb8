/** SQL of reading a source: its own columns, and its rows as the declared columns beside the raw values. */
import type { DatasetSpec, FileFormat } from '../../domain/dataset.js';
import { castsOf, REPEATED_CASTS, typedFrom } from './column-sql.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';

/** A file as SQL reads it. `header` are the columns of a delimited file's first line, empty for other formats. */
export interface SourceScan {
  readonly format: FileFormat;
  readonly path: string;
  readonly header: readonly string[];
  readonly compression?: 'zstd' | null;
}

/** What separates the fields of a delimited format; undefined for the others. */
export const DELIMITERS: Readonly<Partial<Record<FileFormat, string>>> = { csv: ',', tsv: '\t' };

/** A table function over the file: its rows with its own columns, nothing guessed. */
export function scan({ format, path, header, compression = null }: SourceScan): string {
  const file = quoteText(path);
  const packed = `compression = ${quoteText(compression ?? 'uncompressed')}`;
  if (format === 'parquet') return `read_parquet(${file})`;
  // Depth 1 finds the fields but guesses no types: a guess would turn the text "2001-01-01" into a date, for good.
  if (format === 'ndjson' || format === 'json') {
    const shape = format === 'json' ? 'array' : 'newline_delimited';
    return `read_json(${file}, format = '${shape}', ${packed}, sample_size = -1, maximum_depth = 1)`;
  }
  // Nothing is guessed: a sniffer fails without naming the bad line, or takes a ragged file for one column. All is read
  // as text, so that a value that does not fit is a finding about its row and not the end of the file.
  const columns = header.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ');
  const dialect = `delim = ${quoteText(DELIMITERS[format] ?? ',')}, quote = '"', escape = '"', header = true`;
  return `read_csv(${file}, auto_detect = false, ${dialect}, ${packed}, columns = {${columns}}, strict_mode = true, null_padding = false)`;
}

/** One row with the first line of a text file (`line`), whatever its delimiter. */
export function firstLine({ path, compression }: Pick<SourceScan, 'path' | 'compression'>): string {
  const dialect = `delim = chr(31), quote = '', escape = '', header = false`;
  return `select line from read_csv(${quoteText(path)}, auto_detect = false, ${dialect}, compression = ${quoteText(compression ?? 'uncompressed')}, columns = {'line': 'VARCHAR'}) limit 1`;
}

/** `column_name` and `column_type` of the source, as its reader sees them. */
export function describeSource(source: SourceScan): string {
  return `describe select * from ${scan(source)}`;
}

/** Columns of {@link attemptSource} beside the declared ones; no declared name can hold a colon. */
export const ATTEMPT = {
  /** Whether the source gave a value. */
  has: (column: string): string => `has:${column}`,
  /** Whether that was NaN, or infinite; only of columns of floats. */
  nan: (column: string): string => `nan:${column}`,
  infinite: (column: string): string => `infinite:${column}`,
  /** The value as the source has it. */
  raw: (column: string): string => `raw:${column}`,
} as const;

/** A file, the reader's own column types, and whether one thread reads it from its start to its end. */
export interface AttemptedSource extends SourceScan {
  readonly types: Readonly<Record<string, string>>;
  readonly inOrder: boolean;
}

/** Rows of a source as the declared columns, with the columns of {@link ATTEMPT}. */
export function attemptSource(spec: DatasetSpec, { types, inOrder, ...source }: AttemptedSource): string {
  const [casts, columns]: [string[], string[]] = [[], []];
  for (const { name, type, from = name } of spec.columns) {
    const raw = quoteIdentifier(ATTEMPT.raw(name));
    const sources = castsOf(quoteIdentifier(from), types[from] ?? 'VARCHAR');
    const repeated = REPEATED_CASTS[type].map((cast) => [cast, quoteIdentifier(`${cast}:${name}`)] as const);
    // The inner rows have the source's own names no more: one of them may be called like a declared column.
    const own = castsOf(raw, types[from] ?? 'VARCHAR');
    const typed = typedFrom(type, { ...own, ...Object.fromEntries(repeated) });
    casts.push(
      `${quoteIdentifier(from)} as ${raw}`,
      ...repeated.map(([cast, alias]) => `${sources[cast]} as ${alias}`),
    );
    columns.push(as(typed.value, name), as(typed.present, ATTEMPT.has(name)), raw);
    if (typed.nan !== null) columns.push(as(typed.nan, ATTEMPT.nan(name)));
    if (typed.infinite !== null) columns.push(as(typed.infinite, ATTEMPT.infinite(name)));
  }
  // Numbers in the order of the file can only be given by one thread.
  if (inOrder) casts.push('row_number() over () as "row:number"');
  return `select ${columns.join(', ')} from (select ${casts.join(', ')} from ${scan(source)})`;
}

function as(sql: string, name: string): string {
  return `${sql} as ${quoteIdentifier(name)}`;
}
