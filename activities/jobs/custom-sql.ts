/** Texts in rules that DuckDB itself must understand: patterns, formats of dates, and whole queries. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import type { Expectation } from '../../domain/expectations.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { canonicalQuery, parseQuery, queryProblem } from '../../ml/features/query-sql.js';
import { customRows, SOURCE_VIEW, sourceView } from '../../ml/validation/custom-rows.js';
import type { TableSession } from '../../store/contracts/tables.js';

interface Ruled {
  readonly dataset: string;
  readonly spec: DatasetSpec;
}

/** Before the source is read, so that a slip in a rule is not taken for a fault of the source. Throws `PRN_RESOURCE_INVALID`. */
export async function checkRuleTexts(session: TableSession, { dataset, spec }: Ruled): Promise<void> {
  for (const rule of spec.expectations) {
    const probes = [
      ...(rule.pattern === undefined ? [] : [`select regexp_matches('', ${quoteText(rule.pattern.matches)})`]),
      ...(rule.dateFormat === undefined ? [] : [`select try_strptime('', ${quoteText(rule.dateFormat.format)})`]),
    ];
    for (const probe of probes) await understood({ dataset, rule }, () => session.execute(probe));
    if (rule.sql !== undefined) await requirePlainQuery(session, { dataset, rule, sql: rule.sql });
  }
}

async function requirePlainQuery(
  session: TableSession,
  { dataset, rule, sql }: { dataset: string; rule: Expectation; sql: string },
): Promise<void> {
  const [parsed] = await session.rows(parseQuery(sql));
  const unstable = String(parsed?.['unstable']).split(' ');
  const problem = queryProblem(String(parsed?.['tree']), { views: [SOURCE_VIEW], unstable });
  if (problem !== null) throw unusable({ dataset, rule }, problem);
}

/** Rows that a custom query finds among the accepted ones, and the query itself in its canonical form. */
export async function countCustom(
  session: TableSession,
  { dataset, spec }: Ruled,
  rule: Expectation,
): Promise<{ failing: number; canonical: string }> {
  await session.execute(sourceView(spec));
  const [written] = await session.rows(canonicalQuery(rule.sql ?? ''));
  const canonical = String(written?.['sql']).replace(/;\s*$/, '');
  const [counted] = await understood({ dataset, rule }, () => session.rows(customRows(canonical).count));
  return { failing: Number(counted?.['failing'] ?? 0), canonical };
}

async function understood<T>(at: { dataset: string; rule: Expectation }, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isDomainError(error) || error.code !== 'PRN_TABLE_QUERY_FAILED') throw error;
    const reason = String(error.details['reason']).split('\n').slice(0, 2).join(' ').trim();
    throw unusable(at, reason.replace(/\.+$/, ''), error);
  }
}

function unusable(
  { dataset, rule }: { dataset: string; rule: Expectation },
  problem: string,
  cause?: unknown,
): DomainError {
  const where = `Dataset ${dataset}, spec.expectations ${rule.name}`;
  return new DomainError('PRN_RESOURCE_INVALID', { where, problem, remedy: '' }, { cause });
}
