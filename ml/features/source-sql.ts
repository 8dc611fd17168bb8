/** SQL of reading a source: its own columns, and its rows as the declared columns beside the raw values. */
import type { DatasetSpec, FileFormat } from '../../domain/dataset.js';
import { typedColumn } from './column-sql.js';
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

/**
 * The declared columns, whether the source gave each (`__has_<column>`), the number of the row in the source counted from
 * 1 after the rows of earlier files (`__row`) and its raw values as JSON (`__raw`). `types` are the reader's own column
 * types.
 */
export function attemptSource(
  spec: DatasetSpec,
  source: SourceScan,
  { types, rowsBefore }: { readonly types: Readonly<Record<string, string>>; readonly rowsBefore: number },
): string {
  const columns = spec.columns.flatMap((column) => {
    const from = column.from ?? column.name;
    const { value, present } = typedColumn(column, quoteIdentifier(from), types[from] ?? 'VARCHAR');
    return [`${value} as ${quoteIdentifier(column.name)}`, `${present} as ${quoteIdentifier(`__has_${column.name}`)}`];
  });
  const raw = spec.columns.map(({ name, from }) => `${quoteText(name)}: ${quoteIdentifier(from ?? name)}`).join(', ');
  return `select ${columns.join(', ')}, row_number() over () + ${rowsBefore} as __row, to_json({${raw}})::varchar as __raw from ${scan(source)}`;
}
