/** Reads what shows that a rule is broken: values, rows, and the query that finds all. */
import type { DatasetSpec } from '../../domain/dataset.js';
import type { Expectation } from '../../domain/expectations.js';
import { customRows } from '../../ml/validation/custom-rows.js';
import { ACCEPTED, ALL_ROWS, failingRange, failsAt, offendingValues } from '../../ml/validation/judged-sql.js';
import {
  batchCondition,
  batchOffenders,
  batchValues,
  firstRows,
  rowOffenders,
} from '../../ml/validation/offenders-sql.js';
import type { RowRule } from '../../ml/validation/row-rules.js';
import type { Evidence } from '../../ml/validation/rule-results.js';
import type { TableSession } from '../../store/contracts/tables.js';

export async function rowEvidence(
  session: TableSession,
  spec: DatasetSpec,
  { rule, position }: { rule: RowRule; position: number },
): Promise<Evidence> {
  const samples = await readSamples(session, offendingValues(rule, position));
  const offenders = await readOffenders(session, firstRows(spec, `${ALL_ROWS} and ${failsAt(position)}`));
  return { samples, offenders, range: await readRange(session, spec, { rule, position }), query: rowOffenders(rule) };
}

async function readRange(
  session: TableSession,
  spec: DatasetSpec,
  { rule, position }: { rule: RowRule; position: number },
): Promise<Evidence['range']> {
  const { range, length } = rule.declared ?? {};
  const column = spec.columns.find(({ name }) => name === (range ?? length)?.column);
  if (column === undefined) return null;
  const [row] = await session.rows(failingRange({ column: column.name, type: column.type }, position));
  const [low, high] = [row?.['low'], row?.['high']];
  return typeof low === 'number' && typeof high === 'number' ? { low, high } : null;
}

/** `canonical` is the text of a custom query. */
export async function batchEvidence(
  session: TableSession,
  spec: DatasetSpec,
  { rule, canonical }: { rule: Expectation; canonical: string | null },
): Promise<Evidence> {
  const query = batchOffenders(rule, spec, canonical);
  const condition = batchCondition(rule, spec);
  if (canonical !== null) {
    const found = await session.rows(customRows(canonical).first);
    const samples = found.map((row) => ({ value: String(row['value']), count: 1 }));
    return { samples, offenders: [], range: null, query };
  }
  if (condition === null) return { samples: [], offenders: [], range: null, query };
  const values = batchValues(rule, spec, condition);
  return {
    samples: values === null ? [] : await readSamples(session, values),
    offenders: await readOffenders(session, firstRows(spec, `${ACCEPTED} and ${condition}`)),
    range: null,
    query,
  };
}

async function readSamples(session: TableSession, sql: string): Promise<Evidence['samples']> {
  const rows = await session.rows(sql);
  return rows.map(({ value, count }) => ({ value: String(value), count: Number(count) }));
}

async function readOffenders(session: TableSession, sql: string): Promise<Evidence['offenders']> {
  const rows = await session.rows(sql);
  return rows.map(({ row, key }) => ({ row: Number(row), key: String(key) }));
}
