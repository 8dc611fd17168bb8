/** Historical retrieval over files: the features of each spine row as they were known at its time. */
import type { JobContext } from '../../activities/jobs/context.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import type { Knowledge } from '../../ml/features/point-in-time.js';
import { SPINE } from '../../ml/features/spine-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { OutputEnding } from '../output-ending.js';
import { derivedDatasets, type IngestedTables, ingestTables, missingTable, type TableFile } from './dataset-tables.js';
import { withLocalEngine } from './engine.js';
import { joinFeatures } from './feature-join.js';
import { requireFreeNames, selectFeatures, type Selection } from './feature-selection.js';
import { knowledgeWarnings } from './knowledge-warnings.js';
import { selectModel } from './model-selection.js';
import { writeRows, type WrittenFile } from './output-file.js';
import { type LocalResources, loadResources } from './resources.js';
import { keptSql } from './spine-output.js';
import { type LoadedSpine, loadSpine, SPINE_TABLE, USUAL_TIME_COLUMNS } from './spine.js';

export interface HistoricalRequest {
  readonly resources: string;
  readonly spine: string;
  readonly tables: readonly TableFile[];
  readonly out: { readonly path: string; readonly ending: OutputEnding };
  readonly knowledge: Knowledge;
  /** `view` or `view:feature`; all views of the given tables if undefined. */
  readonly features?: readonly string[] | undefined;
  /** The features that a model reads, in place of `features`. */
  readonly model?: string | undefined;
  readonly fullNames: boolean;
  readonly timeColumn?: string | undefined;
  readonly threads?: number | undefined;
  /** Microseconds: when rows that declare no other time become known. */
  readonly now: number;
}

export interface HistoricalSummary {
  readonly knowledge: Knowledge;
  readonly rows: number;
  readonly timeColumn: string;
  /** Names in the order of the output, and how many rows have no value; `view` is null for computed ones. */
  readonly features: readonly { readonly name: string; readonly view: string | null; readonly nulls: number }[];
  readonly spine: LoadedSpine['unusable'];
  readonly tables: IngestedTables['files'];
  readonly output: WrittenFile;
  readonly warnings: readonly string[];
}

/** Rows in = rows out, in the spine's order; the bytes do not depend on the number of threads. Throws `PRN_*`. */
export async function retrieveHistorical(request: HistoricalRequest): Promise<HistoricalSummary> {
  const data = [request.spine, request.out.path, ...request.tables.map(({ file }) => file)];
  const resources = loadResources(request.resources, { data });
  const given = request.tables.map(({ dataset }) => resources.require('Dataset', dataset).metadata.name);
  const derived = derivedDatasets(resources, given).map(({ metadata }) => metadata.name);
  const datasets = [...given, ...derived];
  const selection = select(resources, request, datasets);
  for (const { spec } of selection.views)
    if (!datasets.includes(spec.dataset)) throw missingTable(spec.dataset, datasets);
  return withLocalEngine({ threads: request.threads }, (context) =>
    context.tables.use((session) => answer(session, { request, resources, selection }, context), context.signal),
  );
}

function select(resources: LocalResources, request: HistoricalRequest, datasets: readonly string[]): Selection {
  const { model, features, fullNames } = request;
  if (model !== undefined) return selectModel(resources, model);
  return selectFeatures(resources, { features, datasets, fullNames });
}

async function answer(
  session: TableSession,
  asked: { request: HistoricalRequest; resources: LocalResources; selection: Selection },
  context: JobContext,
): Promise<HistoricalSummary> {
  const { request, resources, selection } = asked;
  const { views, request: fields, usualTimes = USUAL_TIME_COLUMNS } = selection;
  const spine = await loadSpine(session, context, {
    path: request.spine,
    keys: views.flatMap((view) => view.keys),
    timeColumn: request.timeColumn,
    usualTimes,
    request: fields.map(({ column }) => column),
  });
  const spineColumns = spine.columns.map(({ name }) => name);
  requireFreeNames(request.spine, selection.outputs, spineColumns);
  const wanted = views.map(({ spec }) => spec.dataset);
  const { tables, now } = request;
  const ingested = await ingestTables({ resources, tables, wanted, now }, context);
  const table = await joinFeatures(session, { selection, spine, ingested, knowledge: request.knowledge }, context);
  const output = await writeAnswer(session, { selection, spine, table, request }, context);
  const { rows, timeColumn, unusable } = spine;
  return {
    knowledge: request.knowledge,
    rows,
    timeColumn,
    features: await countNulls(session, selection, table),
    spine: unusable,
    tables: ingested.files,
    output,
    warnings: [
      ...spine.warnings,
      ...(await knowledgeWarnings(session, { ingested, spine, knowledge: request.knowledge })),
      ...leftOutWarning(selection),
    ],
  };
}

function leftOutWarning({ leftOut }: Selection): string[] {
  return leftOut.length === 0 ? [] : [`Left out for want of a --table: view ${leftOut.join(', ')}.`];
}

async function writeAnswer(
  session: TableSession,
  written: { selection: Selection; spine: LoadedSpine; table: string; request: HistoricalRequest },
  context: JobContext,
): Promise<WrittenFile> {
  const { selection, spine, table, request } = written;
  const row = quoteIdentifier(SPINE.row);
  const kept = spine.kept.map((column) => keptSql(column, request.out.ending));
  const columns = [...kept, ...selection.outputs.map(quoteIdentifier)].join(', ');
  const query = `select ${columns} from ${quoteIdentifier(SPINE_TABLE)} join ${table} using (${row}) order by ${row}`;
  return writeRows(session, { query, ...request.out }, context);
}

async function countNulls(
  session: TableSession,
  { views, outputs }: Selection,
  table: string,
): Promise<HistoricalSummary['features']> {
  const nulls = outputs.map((output, index) => `count(*) - count(${quoteIdentifier(output)}) as nulls_${index}`);
  const [row] = await session.rows(`select ${nulls.join(', ')} from ${table}`);
  return outputs.map((name, index) => {
    const view = views.find(({ features }) => features.some(({ output }) => output === name));
    return { name, view: view?.use ?? null, nulls: Number(row?.[`nulls_${index}`] ?? 0) };
  });
}
