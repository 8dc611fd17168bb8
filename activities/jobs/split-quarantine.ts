/** CPU body of quarantine decisions: the rows that a decision is about as a source, and the rows that stay undecided. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { QuarantineSplit } from '../../domain/quarantine.js';
import {
  COUNT_SELECTED,
  keepLines,
  type RowSelection,
  selectRows,
  writeRemaining,
  writeSelected,
} from '../../ml/validation/quarantine-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { JobContext } from './context.js';

export interface SplitQuarantineInput extends RowSelection {
  /** Undecided rows of the case. */
  readonly table: ArtifactRef;
  /** Columns of the source to write. */
  readonly columns: readonly string[];
  /** Rows of that source that were refused again, by the number of their line; they stay undecided. */
  readonly refused: ArtifactRef | null;
}

export interface SplitQuarantineResult {
  /** The selected rows as NDJSON; null where there are none. */
  readonly source: ArtifactRef | null;
  readonly split: QuarantineSplit;
}

export async function splitQuarantine(
  { table, columns, refused, ...selection }: SplitQuarantineInput,
  context: JobContext,
): Promise<SplitQuarantineResult> {
  const { artifacts, tables, signal } = context;
  return tables.use(async (session) => {
    await session.execute(selectRows(await artifacts.localPath(table), selection));
    if (refused !== null) await session.execute(keepLines(await artifacts.localPath(refused)));
    const [counts] = await session.rows(COUNT_SELECTED);
    const [selected, remaining] = [Number(counts?.['selected'] ?? 0), Number(counts?.['remaining'] ?? 0)];
    const write = writer(session, context);
    const source = selected === 0 ? null : await write('ndjson', (path) => writeSelected(columns, path));
    const remainingTable = remaining === 0 ? null : await write('parquet', writeRemaining);
    return { source, split: { selected, remaining, remainingTable } };
  }, signal);
}

function writer(session: TableSession, { artifacts }: JobContext) {
  return async (kind: 'ndjson' | 'parquet', sqlOf: (path: string) => string): Promise<ArtifactRef> => {
    const path = await artifacts.scratchPath(kind);
    await session.execute(sqlOf(path));
    return artifacts.adopt(path, MEDIA_TYPES[kind]);
  };
}
