/** CPU body of the answer of a retrieval: the spine's columns and the features, in the spine's order, as one Parquet file. */
import { rm } from 'node:fs/promises';
import { MEDIA_TYPES } from '../../../domain/artifact.js';
import { DomainError } from '../../../domain/errors.js';
import {
  isColumnItself,
  type RetrievalPlan,
  type RetrievalResult,
  type RetrievedFeature,
} from '../../../domain/historical-retrieval.js';
import { naturalKeyId } from '../../../domain/ids.js';
import { quoteIdentifier, quoteText } from '../../../ml/features/expression/sql.js';
import { FEATURE_SQL_TYPES } from '../../../ml/features/feature-row-sql.js';
import type { SourceColumn } from '../../../ml/features/spine-sql.js';
import type { ArtifactStore } from '../../../store/contracts/artifacts.js';
import { sha256Hex } from '../../../store/contracts/digests.js';
import type { TableSession } from '../../../store/contracts/tables.js';
import type { JoinedPart, RetrievalSpineTable } from '../../../workflows/contracts/historical-retrieval.js';
import type { JobContext } from '../context.js';
import { OWN_COLUMNS, ROW, viewColumn } from './columns.js';
import { computeFeatures } from './computed-features.js';

export interface AssembleRetrievalInput {
  readonly plan: RetrievalPlan;
  /** Digest of the plan: with the spine's it names the answer. */
  readonly planSha256: string;
  readonly spine: RetrievalSpineTable;
  readonly parts: readonly JoinedPart[];
}

const JOINED = '":joined"';

export async function assembleRetrieval(input: AssembleRetrievalInput, context: JobContext): Promise<RetrievalResult> {
  const { plan, planSha256, spine } = input;
  const { artifacts, tables, signal } = context;
  const path = await artifacts.scratchPath('parquet');
  const features = await tables.use(async (session) => {
    const columns = await spineColumns(session, await artifacts.localPath(spine.table));
    await session.execute(`create temp table ${JOINED} as ${await joinedRows(input, artifacts)}`);
    await writeAnswer(session, { input, columns, path }, context);
    return describeAnswer(session, { path, plan, rows: spine.rows });
  }, signal);
  return {
    resultId: naturalKeyId(sha256Hex, ['retrieval', planSha256, spine.table.sha256]),
    table: await artifacts.adopt(path, MEDIA_TYPES.parquet),
    rows: spine.rows,
    features,
    unusable: [...spine.unusable],
  };
}

/** The spine's own columns and their types in its file. */
async function spineColumns(session: TableSession, path: string): Promise<SourceColumn[]> {
  const described = await session.rows(`describe select * from read_parquet(${quoteText(path)})`);
  return described
    .map((row) => ({ name: String(row['column_name']), sourceType: String(row['column_type']) }))
    .filter(({ name }) => !name.startsWith(OWN_COLUMNS));
}

async function joinedRows({ plan, spine, parts }: AssembleRetrievalInput, artifacts: ArtifactStore): Promise<string> {
  const columns: string[] = ['s.*'];
  const joins: string[] = [];
  for (const [use, view] of plan.views.entries()) {
    const tables = parts.filter((part) => part.view === use).map(({ table }) => artifacts.localPath(table));
    const paths = (await Promise.all(tables)).map(quoteText);
    const named = view.features.map((feature) => [feature, quoteIdentifier(viewColumn(use, feature))] as const);
    if (paths.length === 0) {
      // A spine without rows has no parts.
      for (const [feature, name] of named)
        columns.push(`null::${FEATURE_SQL_TYPES[view.types[feature] ?? 'float']} as ${name}`);
      continue;
    }
    joins.push(`join read_parquet([${paths.join(', ')}]) v${use} on v${use}.${ROW} = s.${ROW}`);
    for (const [feature, name] of named) columns.push(`v${use}.${quoteIdentifier(feature)} as ${name}`);
  }
  const path = quoteText(await artifacts.localPath(spine.table));
  return `select ${columns.join(', ')} from read_parquet(${path}) s ${joins.join(' ')}`;
}

async function writeAnswer(
  session: TableSession,
  { input, columns, path }: { input: AssembleRetrievalInput; columns: readonly SourceColumn[]; path: string },
  context: JobContext,
): Promise<void> {
  const { plan, spine } = input;
  const request = { table: JOINED, rows: spine.rows, views: plan.views, columns };
  const computed =
    plan.computed === null ? null : await computeFeatures(session, { ...request, plan: plan.computed }, context);
  try {
    const outputs = [
      ...columns.map(({ name }) => `j.${quoteIdentifier(name)}`),
      ...plan.features.filter((feature) => !isColumnItself(feature)).map(outputSql),
    ];
    const join = computed === null ? '' : `join ${computed.query} c on c.${ROW} = j.${ROW}`;
    await session.execute(
      `copy (select ${outputs.join(', ')} from ${JOINED} j ${join} order by j.${ROW}) to ${quoteText(path)} (format parquet)`,
    );
  } finally {
    if (computed !== null) await rm(computed.path, { force: true });
  }
}

function outputSql(feature: RetrievedFeature): string {
  const name = quoteIdentifier(feature.name);
  if (feature.kind === 'view') return `j.${quoteIdentifier(viewColumn(feature.use, feature.feature))} as ${name}`;
  return feature.kind === 'request' ? `j.${quoteIdentifier(feature.field)} as ${name}` : `c.${name}`;
}

async function describeAnswer(
  session: TableSession,
  { path, plan, rows }: { path: string; plan: RetrievalPlan; rows: number },
): Promise<RetrievalResult['features']> {
  const nulls = plan.features.map(({ name }, index) => `count(*) - count(${quoteIdentifier(name)}) as nulls_${index}`);
  const [row = {}] = await session.rows(
    `select ${['count(*) as rows', ...nulls].join(', ')} from read_parquet(${quoteText(path)})`,
  );
  if (Number(row['rows']) !== rows)
    throw new DomainError('PRN_RETRIEVAL_ROWS', { expected: rows, actual: Number(row['rows']) });
  return plan.features.map(({ name, type }, index) => ({ name, type, nulls: Number(row[`nulls_${index}`]) }));
}
