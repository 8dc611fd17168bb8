/** Endings of files that commands can write. */
export const OUTPUT_ENDINGS = ['parquet', 'csv', 'tsv', 'json', 'ndjson', 'jsonl'] as const;
export type OutputEnding = (typeof OUTPUT_ENDINGS)[number];

/** The ending of a path; undefined where no file of that kind can be written. */
export function outputEnding(path: string): OutputEnding | undefined {
  return OUTPUT_ENDINGS.find((ending) => path.toLowerCase().endsWith(`.${ending}`));
}
