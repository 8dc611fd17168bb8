/** What the name of a file tells about its bytes. */
import type { FileFormat } from './dataset.js';
import { DomainError } from './errors.js';

export interface NamedFormat {
  readonly format: FileFormat;
  readonly compression: 'gzip' | 'zstd' | null;
}

const ENDINGS: Readonly<Record<string, FileFormat>> = {
  parquet: 'parquet',
  pq: 'parquet',
  csv: 'csv',
  tsv: 'tsv',
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
};
const COMPRESSIONS: Readonly<Record<string, 'gzip' | 'zstd'>> = { gz: 'gzip', zst: 'zstd', zstd: 'zstd' };

/** Format and compression by the endings of a name; a declared format wins. Throws `PRN_DATASET_SOURCE_FORMAT`. */
export function formatOf(name: string, declared: FileFormat | undefined): NamedFormat {
  const endings = name.toLowerCase().split('/').at(-1)?.split('.').slice(1) ?? [];
  const compression = COMPRESSIONS[endings.at(-1) ?? ''] ?? null;
  const ending = endings.at(compression === null ? -1 : -2) ?? '';
  const format = declared ?? ENDINGS[ending];
  // Parquet compresses its own pages, and its reader jumps about in the file.
  if (format === undefined || (format === 'parquet' && compression === 'zstd'))
    throw new DomainError('PRN_DATASET_SOURCE_FORMAT', { uri: name });
  return { format, compression };
}
