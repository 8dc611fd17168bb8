/** The result of a dataset's query over pinned versions of other datasets, as one Parquet file. */
import { rm, stat } from 'node:fs/promises';
import { canonicalJson } from '../../../domain/canonical-json.js';
import { DomainError, isDomainError } from '../../../domain/errors.js';
import { quoteText } from '../../../ml/features/expression/sql.js';
import {
  canonicalQuery,
  createViews,
  orderedQuery,
  parseQuery,
  queryProblem,
  viewNames,
} from '../../../ml/features/query-sql.js';
import { sha256Hex } from '../../../store/contracts/digests.js';
import type { TableSession } from '../../../store/contracts/tables.js';
import type { JobContext } from '../context.js';
import { localSegments } from '../segments.js';
import type { Feed, SourceFile } from './contract.js';
import type { CopyBudget } from './private-copy.js';

type QueryFeed = Extract<Feed, { kind: 'query' }>;

const REPORT_EVERY_MS = 2_000;

/**
 * Throws `PRN_DATASET_QUERY_INVALID` for anything but one SELECT over the given views, `PRN_DATASET_SOURCE_ENDLESS` when
 * the time is over, `…_TOO_LARGE` for a result beyond the limit. The digest is that of text and inputs, not of the rows.
 */
export async function runQuery(
  { uri, feed }: { uri: string; feed: QueryFeed },
  budget: CopyBudget,
  context: JobContext,
): Promise<SourceFile> {
  const path = await context.artifacts.scratchPath('parquet');
  const alive = setInterval(() => context.progress({ message: 'the query runs' }), REPORT_EVERY_MS);
  try {
    const signal = AbortSignal.any([context.signal, budget.deadline]);
    await context.tables.use((session) => writeResult(session, { uri, feed, path, context }), signal);
    const { size: bytes } = await stat(path);
    if (bytes > budget.limits.maxBytes)
      throw new DomainError('PRN_DATASET_SOURCE_TOO_LARGE', { uri, limitBytes: budget.limits.maxBytes });
    return { path, uri, sha256: digestOf(feed), bytes, format: 'parquet', compression: null };
  } catch (error) {
    await rm(path, { force: true });
    if (context.signal.aborted || !budget.deadline.aborted) throw error;
    throw new DomainError('PRN_DATASET_SOURCE_ENDLESS', { uri, seconds: budget.limits.maxSeconds }, { cause: error });
  } finally {
    clearInterval(alive);
  }
}

async function writeResult(
  session: TableSession,
  { uri, feed, path, context }: { uri: string; feed: QueryFeed; path: string; context: JobContext },
): Promise<void> {
  const dataset = uri.replace(/^query:/, '');
  const [parsed] = await session.rows(parseQuery(feed.sql));
  const views = feed.inputs.flatMap(({ alias }) => viewNames(alias));
  const unstable = String(parsed?.['unstable']).split(' ');
  const problem = queryProblem(String(parsed?.['tree']), { views, unstable });
  if (problem !== null) throw new DomainError('PRN_DATASET_QUERY_INVALID', { dataset, problem });
  for (const { alias, spec, segments } of feed.inputs) {
    const files = await localSegments(context.artifacts, segments);
    for (const statement of createViews({ alias, spec, segments: files })) await session.execute(statement);
  }
  const [canonical] = await session.rows(canonicalQuery(feed.sql));
  const rows = orderedQuery(String(canonical?.['sql']));
  try {
    await session.execute(`copy (${rows}) to ${quoteText(path)} (format parquet, compression zstd)`);
  } catch (error) {
    if (!isDomainError(error) || error.code !== 'PRN_TABLE_QUERY_FAILED') throw error;
    const reason = String(error.details['reason']).split('\n')[0] ?? '';
    throw new DomainError('PRN_DATASET_QUERY_INVALID', { dataset, problem: reason }, { cause: error });
  } finally {
    for (const view of views) await dropView(session, view);
  }
}

/** An interrupted session answers nothing more, and takes its views along anyway. */
async function dropView(session: TableSession, name: string): Promise<void> {
  await session.execute(`drop view if exists "${name}"`).catch(() => undefined);
}

/** Inputs come sorted by alias. */
function digestOf({ sql, inputs }: QueryFeed): string {
  const read = inputs.map(({ alias, dataset, versionId }) => [alias, dataset, versionId]);
  return sha256Hex(canonicalJson(['query', sql, read]));
}
