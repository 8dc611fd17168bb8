/** Profiles of a DuckDB relation: ranges and a sample give the frames, then one query all figures. */
import { CATEGORY_CAP, categoryOf, type ColumnFrame, type ColumnProfile } from '../../domain/profile.js';
import { EMPTY_FRAME, frameNumbers } from '../../ml/profile/profile-values.js';
import {
  type ProfiledColumn,
  profileItems,
  rangeItems,
  readColumn,
  sampleItems,
} from '../../ml/profile/profile-sql.js';
import type { ColumnData, SqlValue, TableSession } from '../../store/contracts/tables.js';

/** Rows that frames are derived from: enough for 20 bins, few enough to hold in memory. */
const SAMPLE_ROWS = 10_000;

export interface Relation {
  /** `TABLE where CONDITION`. */
  readonly from: string;
  /** Total order of the rows, for the sample. */
  readonly rowNumber: string;
  readonly rows: number;
}

export type FramelessColumn = Omit<ProfiledColumn, 'frame'>;

/** Columns with frames: those given where they fit, the others derived from the rows. The same rows give the same ones. */
export async function frameColumns(
  session: TableSession,
  relation: Relation,
  { columns, given }: { columns: readonly FramelessColumn[]; given: Readonly<Record<string, ColumnFrame>> },
): Promise<ProfiledColumn[]> {
  if (columns.length === 0) return [];
  const [range = {}] = await session.rows(`select ${rangeItems(columns).join(', ')} from ${relation.from}`);
  const step = Math.ceil(relation.rows / SAMPLE_ROWS);
  const condition = step <= 1 ? '' : ` and hash(${relation.rowNumber}) % ${step} = 0`;
  // Sorted, because a sorted result comes in a few full pieces, and a filtered one in many with some rows each.
  const sample = await session.columns(
    `select ${sampleItems(columns).join(', ')} from ${relation.from}${condition} order by ${relation.rowNumber}`,
  );
  return columns.map((column, index) => {
    const values = sample.columns[`s${index}`];
    const bounds = { low: range[`r${index}_low`] ?? null, high: range[`r${index}_high`] ?? null };
    return frameColumn(column, { values, bounds, given: given[column.name] ?? null });
  });
}

function frameColumn(
  column: FramelessColumn,
  found: {
    values: ColumnData | undefined;
    bounds: { low: SqlValue; high: SqlValue };
    given: ColumnFrame | null;
  },
): ProfiledColumn {
  const { values, bounds, given } = found;
  if (column.type === 'string') {
    const categories = given?.categories ?? frequentCategories(values);
    return { ...column, short: Number(bounds.high) <= 256, frame: { edges: [], grid: null, categories } };
  }
  if (bounds.low === null) return { ...column, frame: given ?? EMPTY_FRAME, range: null };
  const range = { min: Number(bounds.low), max: Number(bounds.high) };
  if (values === undefined || values.type === 'string') return { ...column, frame: given ?? EMPTY_FRAME, range };
  return { ...column, frame: frameNumbers(values.values, range, given), range };
}

/** Null while all categories can be counted; otherwise the most frequent ones of the sample. */
function frequentCategories(values: ColumnData | undefined): string[] | null {
  const counts = new Map<string, number>();
  if (values?.type === 'string')
    for (const text of values.values) counts.set(categoryOf(text), (counts.get(categoryOf(text)) ?? 0) + 1);
  if (counts.size <= CATEGORY_CAP + 1) return null;
  const sorted = [...counts].sort(([left, n], [right, m]) => m - n || (left < right ? -1 : 1));
  return sorted.slice(0, CATEGORY_CAP).map(([value]) => value);
}

/** Profiles of framed columns by one query. */
export async function profileRelation(
  session: TableSession,
  relation: Relation,
  columns: readonly ProfiledColumn[],
): Promise<ColumnProfile[]> {
  if (columns.length === 0) return [];
  const [row = {}] = await session.rows(
    `select ${profileItems(columns, relation.from).join(', ')} from ${relation.from}`,
  );
  return columns.map((column, index) => readColumn(column, { row, index, rows: relation.rows }));
}
