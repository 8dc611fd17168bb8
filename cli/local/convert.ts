/** One file as another: the rows of a Parquet file in a format that people read. */
import { copyFile } from 'node:fs/promises';
import { quoteText } from '../../ml/features/expression/sql.js';
import type { OutputEnding } from '../output-ending.js';
import { withLocalEngine } from './engine.js';
import { writeRows } from './output-file.js';

/** Keeps order and columns. Throws `PRN_OUTPUT_UNWRITABLE` or `PRN_STORAGE_FULL`. */
export async function convertTable(parquet: string, out: { path: string; ending: OutputEnding }): Promise<void> {
  await withLocalEngine({}, async (context) => {
    const copy = await context.artifacts.scratchPath('parquet');
    await copyFile(parquet, copy);
    const query = `select * from read_parquet(${quoteText(copy)})`;
    await context.tables.use((session) => writeRows(session, { query, ...out }, context), context.signal);
  });
}
