/** Views over local files, joined to the spine by the code of the product, and the features computed from them. */
import type { JobContext } from '../../activities/jobs/context.js';
import { joinViews } from '../../activities/jobs/join-views.js';
import { durationMicros } from '../../domain/duration.js';
import { typedColumn } from '../../ml/features/column-sql.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import { featureTypes } from '../../ml/features/feature-row-sql.js';
import type { Knowledge, ViewJoin } from '../../ml/features/point-in-time.js';
import { coerceTime, SPINE } from '../../ml/features/spine-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import { type IngestedTables, missingTable } from './dataset-tables.js';
import type { RequestColumn, SelectedView, Selection } from './feature-selection.js';
import { computeView } from './feature-views.js';
import { type LoadedSpine, SPINE_TABLE } from './spine.js';

const QUESTIONS_TABLE = ':questions';
const ANSWER_TABLE = ':answer';

export interface JoinRequest {
  readonly selection: Selection;
  readonly spine: LoadedSpine;
  readonly ingested: IngestedTables;
  readonly knowledge: Knowledge;
}

/** Leaves a table with the row of the spine, the outputs of all views and the computed features; returns its quoted name. */
export async function joinFeatures(session: TableSession, join: JoinRequest, context: JobContext): Promise<string> {
  const { selection, knowledge } = join;
  const views: ViewJoin[] = [];
  for (const view of selection.views) views.push(await viewJoin(session, { view, join }, context));
  await session.execute(`create temp table ${quoteIdentifier(QUESTIONS_TABLE)} as ${questions(selection.views)}`);
  const spine = { table: QUESTIONS_TABLE, timeColumn: SPINE.time };
  const joined = await joinViews(session, { spine, views, knowledge });
  if (selection.computed.length === 0) return joined;
  const table = quoteIdentifier(ANSWER_TABLE);
  await session.execute(`create temp table ${table} as ${computed(join, joined)}`);
  return table;
}

/** Only what the join reads: the spine's other columns need not be carried through every view. */
function questions(views: readonly SelectedView[]): string {
  const keys = views.flatMap((view) => view.keys.map(({ key, column }) => SPINE.key(column, key.type)));
  const columns = [SPINE.row, SPINE.time, ...new Set(keys)].map(quoteIdentifier);
  return `select ${columns.join(', ')} from ${quoteIdentifier(SPINE_TABLE)}`;
}

async function viewJoin(
  session: TableSession,
  { view, join }: { view: SelectedView; join: JoinRequest },
  context: JobContext,
): Promise<ViewJoin> {
  const { ingested, knowledge, spine } = join;
  const { spec, keys, features } = view;
  const dataset = ingested.datasets.get(spec.dataset);
  if (dataset === undefined) throw missingTable(spec.dataset, [...ingested.datasets.keys()]);
  const through = spine.lastTime ?? Number.MIN_SAFE_INTEGER;
  const entityKeys = keys.map(({ key }) => key);
  const paths = await computeView(session, context, { view: spec, keys: entityKeys, dataset, through, knowledge });
  const types = new Map(featureTypes(spec, dataset.spec).map(({ name, type }) => [name, type]));
  return {
    chunks: paths.map((path) => ({ path })),
    keys: keys.map(({ key: { name, type }, column }) => ({ key: name, type, column: SPINE.key(column, type) })),
    features: features.map((each) => ({ ...each, type: types.get(each.feature) ?? 'float' })),
    maxAgeMicros: spec.maxAge === undefined ? null : durationMicros(spec.maxAge),
  };
}

/** Features of the model that are made of others, by the SQL that skew certificates compare its graph with. */
function computed({ selection, spine }: JoinRequest, joined: string): string {
  const row = quoteIdentifier(SPINE.row);
  const fields = selection.request.map((field) => requestSql(field, spine));
  const features = selection.computed.map(({ name, sql }) => `${sql} as ${quoteIdentifier(name)}`);
  const views = selection.views.flatMap((view) => view.features.map(({ output }) => quoteIdentifier(output)));
  const inputs = `select ${[row, ...views, ...fields].join(', ')} from ${joined} join ${quoteIdentifier(SPINE_TABLE)} using (${row})`;
  return `select ${[row, ...views, ...features].join(', ')} from (${inputs})`;
}

function requestSql({ column: name, type }: RequestColumn, { columns }: LoadedSpine): string {
  const column = columns.find((each) => each.name === name) ?? { name, sourceType: 'VARCHAR' };
  const typed = { name, type, nullable: true };
  const value =
    type === 'timestamp'
      ? coerceTime(column).value
      : typedColumn(typed, quoteIdentifier(name), column.sourceType).value;
  return `${value} as ${quoteIdentifier(name)}`;
}
