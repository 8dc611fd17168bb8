/** Expectations that a draft can honestly have: what is always there, and texts that come from a short list. */
import type { z } from 'zod';
import type { Expectation } from '../../domain/expectations.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { DraftColumn } from './dataset-draft.js';

/** As TFDV draws the line: more values than this are no list. */
const MOST_VALUES = 100;
/** A text that is not repeated is a name, not one of a list. */
const LEAST_REPEATS = 2;

export interface DraftExpectation {
  readonly rule: z.input<typeof Expectation>;
  readonly review: string;
}

/**
 * All of them warn: the file is only a sample of what may come. Ranges are left out unless asked for, since the next file
 * nearly always has a value beyond the greatest so far.
 */
export async function draftExpectations(
  session: TableSession,
  { table, columns, ranges }: { table: string; columns: readonly DraftColumn[]; ranges: boolean },
): Promise<DraftExpectation[]> {
  const drafted: DraftExpectation[] = [];
  for (const column of columns) {
    if (column.evidence.given === 0) continue;
    if (column.nullable) drafted.push(presence(column));
    if (column.type === 'string') drafted.push(...(await listedValues(session, table, column)));
    if (ranges && (column.type === 'integer' || column.type === 'float'))
      drafted.push(...(await range(session, table, column)));
  }
  return drafted;
}

function presence({ name, evidence }: DraftColumn): DraftExpectation {
  return {
    rule: { name: ruleName(name, 'present'), present: { column: name, minCount: 1 }, action: 'warn' },
    review: `${evidence.rows - evidence.given} of ${evidence.rows} rows had no value`,
  };
}

async function listedValues(session: TableSession, table: string, column: DraftColumn): Promise<DraftExpectation[]> {
  const { name, evidence } = column;
  const value = quoteIdentifier(name);
  const found = await session.rows(
    `select ${value} as value from ${table} where ${value} is not null group by 1 order by 1 limit ${MOST_VALUES + 1}`,
  );
  if (found.length > MOST_VALUES || evidence.given < LEAST_REPEATS * found.length) return [];
  const values = found.map((row) => String(row['value']));
  return [
    {
      rule: { name: ruleName(name, 'listed'), values: { column: name, in: values }, action: 'warn' },
      review: `${found.length} different values in ${evidence.given} rows; drop the rule if there can be others`,
    },
  ];
}

async function range(session: TableSession, table: string, { name }: DraftColumn): Promise<DraftExpectation[]> {
  const value = quoteIdentifier(name);
  const [row] = await session.rows(`select min(${value}) as least, max(${value}) as most from ${table}`);
  const [min, max] = [Number(row?.['least']), Number(row?.['most'])];
  const rule = { name: ruleName(name, 'in-range'), range: { column: name, min, max } };
  return [{ rule: { ...rule, action: 'warn' }, review: 'exactly what was seen; widen it' }];
}

function ruleName(column: string, suffix: string): string {
  const words = column
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50);
  return `${words === '' ? 'column' : words}-${suffix}`;
}
