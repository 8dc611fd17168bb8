/** Features of several views beside the rows of a table, one view at a time. */
import { DomainError } from '../../domain/errors.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import { type Knowledge, pointInTimeJoin, type Spine, type ViewJoin } from '../../ml/features/point-in-time.js';
import type { TableSession } from '../../store/contracts/tables.js';

/** Below so many questions the rows of other keys are left out first, which costs less than to sort them. */
const FEW_ROWS = 50_000;

export interface SpineTable {
  /** Name of a temporary table. */
  readonly table: string;
  /** Its column with the time of the question, microseconds; null where a row has none. */
  readonly timeColumn: string;
}

/**
 * Leaves a temporary table with the rows of the spine and the outputs of all views, and says what it is called. Earlier
 * tables of that name are replaced. Rows in = rows out, or `PRN_RETRIEVAL_ROWS`.
 */
export async function joinViews(
  session: TableSession,
  { spine, views, knowledge }: { spine: SpineTable; views: readonly ViewJoin[]; knowledge: Knowledge },
): Promise<string> {
  const questions = await questionsOf(session, spine);
  let joined = quoteIdentifier(spine.table);
  for (const [index, view] of views.entries()) {
    const next = quoteIdentifier(`:joined_${index}`);
    const relation = { ...spine, ...questions, relation: joined };
    await session.execute(`create or replace temp table ${next} as ${pointInTimeJoin(relation, view, knowledge)}`);
    if (index > 0) await session.execute(`drop table ${joined}`);
    joined = next;
    await requireRows(session, joined, questions.rows);
  }
  return joined;
}

async function questionsOf(
  session: TableSession,
  { table, timeColumn }: SpineTable,
): Promise<{ rows: number; fewKeys: boolean; times: Spine['times'] }> {
  const time = quoteIdentifier(timeColumn);
  const [row = {}] = await session.rows(
    `select count(*) as rows, min(${time}) as first, max(${time}) as last from ${quoteIdentifier(table)}`,
  );
  const rows = Number(row['rows']);
  const { first, last } = row;
  const times = first == null || last == null ? undefined : { first: Number(first), last: Number(last) };
  return { rows, fewKeys: rows < FEW_ROWS, times };
}

async function requireRows(session: TableSession, table: string, expected: number): Promise<void> {
  const [row] = await session.rows(`select count(*) as rows from ${table}`);
  const actual = Number(row?.['rows']);
  if (actual !== expected) throw new DomainError('PRN_RETRIEVAL_ROWS', { expected, actual });
}
