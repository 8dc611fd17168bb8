/** Historical retrieval over files: the features of each spine row as they were known at its time. */
import type { JobContext } from '../../activities/jobs/context.js';
import { durationMicros } from '../../domain/duration.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import { featureTypes } from '../../ml/features/feature-row-sql.js';
import { pointInTimeJoin } from '../../ml/features/point-in-time.js';
import { SPINE } from '../../ml/features/spine-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { OutputEnding } from '../output-ending.js';
import { type IngestedTables, ingestTables, missingTable, type TableFile } from './dataset-tables.js';
import { withLocalEngine } from './engine.js';
import { requireFreeNames, type SelectedView, selectFeatures } from './feature-selection.js';
import { computeView, type LocalKnowledge } from './feature-views.js';
import { knowledgeWarnings } from './knowledge-warnings.js';
import { isTextOnly, writeRows, type WrittenFile } from './output-file.js';
import { loadResources } from './resources.js';
import { type LoadedSpine, loadSpine, questionsOf, SPINE_TABLE } from './spine.js';

export interface HistoricalRequest {
  readonly resources: string;
  readonly spine: string;
  readonly tables: readonly TableFile[];
  readonly out: { readonly path: string; readonly ending: OutputEnding };
  readonly knowledge: LocalKnowledge;
  /** `view` or `view:feature`; all views of the given tables if undefined. */
  readonly features?: readonly string[] | undefined;
  readonly fullNames: boolean;
  readonly timeColumn?: string | undefined;
  readonly threads?: number | undefined;
  /** Microseconds: when rows that declare no other time become known. */
  readonly now: number;
}

export interface HistoricalSummary {
  readonly knowledge: LocalKnowledge;
  readonly rows: number;
  readonly timeColumn: string;
  /** Names in the order of the output, and how many rows have no value. */
  readonly features: readonly { readonly name: string; readonly view: string; readonly nulls: number }[];
  readonly spine: LoadedSpine['unusable'];
  readonly tables: IngestedTables['files'];
  readonly output: WrittenFile;
  readonly warnings: readonly string[];
}

/** Rows in = rows out, in the spine's order; the bytes do not depend on the number of threads. Throws `PRN_*`. */
export async function retrieveHistorical(request: HistoricalRequest): Promise<HistoricalSummary> {
  const data = [request.spine, request.out.path, ...request.tables.map(({ file }) => file)];
  const resources = loadResources(request.resources, { data });
  const datasets = request.tables.map(({ dataset }) => resources.require('Dataset', dataset).metadata.name);
  const selection = selectFeatures(resources, { ...request, datasets, features: request.features });
  for (const { spec } of selection.views)
    if (!datasets.includes(spec.dataset)) throw missingTable(spec.dataset, datasets);
  return withLocalEngine({ threads: request.threads }, (context) =>
    context.tables.use(async (session) => {
      const keys = selection.views.flatMap((view) => view.keys);
      const spine = await loadSpine(session, context, {
        path: request.spine,
        keys: keys.filter(({ column }, index) => keys.findIndex((key) => key.column === column) === index),
        timeColumn: request.timeColumn,
        required: [],
      });
      requireFreeNames(request.spine, selection.views, spine.columns);
      const { tables, now } = request;
      const ingested = await ingestTables({ resources, tables, now }, context);
      for (const [index, view] of selection.views.entries())
        await joinView(session, { view, index, ingested, spine, request }, context);
      const output = await writeAnswer(session, { views: selection.views, spine, request }, context);
      const features = await countNulls(session, selection.views);
      const warnings = [
        ...spine.warnings,
        ...(await knowledgeWarnings(session, { ingested, spine, knowledge: request.knowledge })),
        ...(selection.leftOut.length === 0
          ? []
          : [`Left out for want of a --table: view ${selection.leftOut.join(', ')}.`]),
      ];
      const { rows, timeColumn, unusable } = spine;
      return {
        knowledge: request.knowledge,
        rows,
        timeColumn,
        features,
        spine: unusable,
        tables: ingested.files,
        output,
        warnings,
      };
    }, context.signal),
  );
}

const viewTable = (index: number): string => quoteIdentifier(`:view_${index}`);

/** Leaves a table with the row of the spine and the view's outputs. One view a query: several at once cost many times the memory. */
async function joinView(
  session: TableSession,
  join: {
    view: SelectedView;
    index: number;
    ingested: IngestedTables;
    spine: LoadedSpine;
    request: HistoricalRequest;
  },
  context: JobContext,
): Promise<void> {
  const { view, index, ingested, spine, request } = join;
  const dataset = ingested.datasets.get(view.spec.dataset);
  if (dataset === undefined) throw missingTable(view.spec.dataset, [...ingested.datasets.keys()]);
  const through = spine.lastTime ?? Number.MIN_SAFE_INTEGER;
  const { knowledge } = request;
  const entityKeys = view.keys.map(({ key }) => key);
  const computed = { view: view.spec, keys: entityKeys, dataset, through, knowledge };
  const paths = await computeView(session, context, computed);
  const keys = entityKeys.map(({ name }) => name);
  const types = new Map(featureTypes(view.spec, dataset.spec).map(({ name, type }) => [name, type]));
  const joined = pointInTimeJoin(
    { relation: questionsOf(keys), timeColumn: SPINE.time },
    {
      chunks: paths.map((path) => ({ path })),
      keys: entityKeys.map(({ name, type }) => ({ key: name, type, column: SPINE.key(name) })),
      features: view.features.map((each) => ({ ...each, type: types.get(each.feature) ?? 'float' })),
      maxAgeMicros: view.spec.maxAge === undefined ? null : durationMicros(view.spec.maxAge),
    },
    knowledge,
  );
  const outputs = view.features.map(({ output }) => quoteIdentifier(output));
  const columns = [quoteIdentifier(SPINE.row), ...outputs].join(', ');
  await session.execute(`create temp table ${viewTable(index)} as select ${columns} from (${joined})`);
}

async function writeAnswer(
  session: TableSession,
  { views, spine, request }: { views: readonly SelectedView[]; spine: LoadedSpine; request: HistoricalRequest },
  context: JobContext,
): Promise<WrittenFile> {
  const row = quoteIdentifier(SPINE.row);
  const outputs = views.flatMap(({ features }) => features.map(({ output }) => quoteIdentifier(output)));
  const columns = [...spine.output(isTextOnly(request.out.ending)), ...outputs].join(', ');
  const joins = views.map((_view, index) => `join ${viewTable(index)} using (${row})`).join(' ');
  const query = `select ${columns} from ${SPINE_TABLE} ${joins} order by ${row}`;
  return writeRows(session, { query, ...request.out }, context);
}

async function countNulls(
  session: TableSession,
  views: readonly SelectedView[],
): Promise<HistoricalSummary['features']> {
  const counted: { name: string; view: string; nulls: number }[] = [];
  for (const [index, { use: view, features }] of views.entries()) {
    const nulls = features.map(({ output }, at) => `count(*) - count(${quoteIdentifier(output)}) as nulls_${at}`);
    const [row] = await session.rows(`select ${nulls.join(', ')} from ${viewTable(index)}`);
    for (const [at, { output }] of features.entries())
      counted.push({ name: output, view, nulls: Number(row?.[`nulls_${at}`] ?? 0) });
  }
  return counted;
}
