/** CPU body of one part of a retrieval: some rows of the spine, the features of one view, as Parquet. */
import { type ArtifactRef, MEDIA_TYPES } from '../../../domain/artifact.js';
import type { RetrievalPlan } from '../../../domain/historical-retrieval.js';
import { quoteIdentifier, quoteText } from '../../../ml/features/expression/sql.js';
import type { ViewJoin } from '../../../ml/features/point-in-time.js';
import { SPINE } from '../../../ml/features/spine-sql.js';
import type { ArtifactStore } from '../../../store/contracts/artifacts.js';
import type { JoinedPart, RetrievalPart } from '../../../workflows/contracts/historical-retrieval.js';
import type { JobContext } from '../context.js';
import { joinViews } from '../join-views.js';
import { keyColumn, keysOf, ROW, TIME } from './columns.js';

export interface JoinRetrievalViewInput {
  readonly view: RetrievalPlan['views'][number];
  readonly knowledge: RetrievalPlan['knowledge'];
  readonly spine: ArtifactRef;
  readonly part: RetrievalPart;
}

const TABLE = ':part';

export async function joinRetrievalView(input: JoinRetrievalViewInput, context: JobContext): Promise<JoinedPart> {
  const { view, knowledge, spine, part } = input;
  const { artifacts, tables, signal, progress } = context;
  const join = await viewJoin(view, artifacts);
  const keys = keysOf([view]).map(({ column, type }) => quoteIdentifier(keyColumn(column, type)));
  const spinePath = quoteText(await artifacts.localPath(spine));
  const path = await artifacts.scratchPath('parquet');
  const outputs = join.features.map(({ output }) => quoteIdentifier(output));
  await tables.use(async (session) => {
    await session.execute(
      `create temp table ${quoteIdentifier(TABLE)} as select ${[ROW, TIME, ...keys].join(', ')} from read_parquet(${spinePath})
        where ${ROW} between ${part.fromRow} and ${part.toRow}`,
    );
    progress({ message: `joining ${view.view}` });
    const joined = await joinViews(session, {
      spine: { table: TABLE, timeColumn: SPINE.time },
      views: [join],
      knowledge,
    });
    await session.execute(
      `copy (select ${[ROW, ...outputs].join(', ')} from ${joined} order by ${ROW}) to ${quoteText(path)} (format parquet)`,
    );
  }, signal);
  return { ...part, table: await artifacts.adopt(path, MEDIA_TYPES.parquet) };
}

async function viewJoin(view: JoinRetrievalViewInput['view'], artifacts: ArtifactStore): Promise<ViewJoin> {
  const chunks = await Promise.all(view.chunks.map(async (chunk) => ({ path: await artifacts.localPath(chunk) })));
  return {
    chunks,
    keys: view.keys.map(({ key, type, request }) => ({ key, type, column: keyColumn(request, type) })),
    features: view.features.map((feature) => {
      return { feature, type: view.types[feature] ?? 'float', output: feature };
    }),
    maxAgeMicros: view.maxAgeMicros,
    withdraws: view.withdraws,
  };
}
