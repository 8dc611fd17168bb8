/** Features of features, computed over joined rows by the graph that the model has as well. */
import { writeFile, appendFile } from 'node:fs/promises';
import type { RetrievalPlan } from '../../../domain/historical-retrieval.js';
import type { FeaturePlan, ModelInput } from '../../../domain/features.js';
import { useName } from '../../../domain/model.js';
import { MISSING_TIME } from '../../../domain/time.js';
import { typedColumn } from '../../../ml/features/column-sql.js';
import { quoteIdentifier, quoteText } from '../../../ml/features/expression/sql.js';
import { coerceTime, type SourceColumn } from '../../../ml/features/spine-sql.js';
import { type ComputedFeatures, openComputedFeatures } from '../../../scoring/computed-features.js';
import type { RequestColumn } from '../../../scoring/request-columns.js';
import type { ColumnData, TableSession } from '../../../store/contracts/tables.js';
import type { JobContext } from '../context.js';
import { ROW, viewColumn } from './columns.js';

const BATCH = 50_000;

export interface ComputeRequest {
  /** Table with the spine's columns, its rows, and the views' features. */
  readonly table: string;
  readonly rows: number;
  readonly plan: FeaturePlan;
  readonly views: RetrievalPlan['views'];
  /** The spine's own columns. */
  readonly columns: readonly SourceColumn[];
}

/** A query with the row and the features of the plan; its file lies in the scratch folder and belongs to the caller. */
export async function computeFeatures(
  session: TableSession,
  request: ComputeRequest,
  context: JobContext,
): Promise<{ path: string; query: string }> {
  const { plan, rows } = request;
  const path = await context.artifacts.scratchPath('csv');
  const computed = await openComputedFeatures(plan, request.views);
  try {
    await writeFile(path, '');
    for (let from = 1; from <= rows; from += BATCH) {
      context.signal.throwIfAborted();
      await appendFile(path, await computeBatch(session, { request, computed, from }));
      context.progress({ message: `features of ${Math.min(rows, from + BATCH - 1)} rows computed` });
    }
  } finally {
    await computed.release();
  }
  const types = [`'row': 'BIGINT'`, ...plan.features.map(({ name }) => `${quoteText(name)}: 'FLOAT'`)].join(', ');
  const names = plan.features.map(({ name }) => quoteIdentifier(name)).join(', ');
  const query = `(select row as ${ROW}, ${names} from read_csv(${quoteText(path)}, auto_detect = false, header = false, delim = ',', columns = {${types}}))`;
  return { path, query };
}

async function computeBatch(
  session: TableSession,
  { request, computed, from }: { request: ComputeRequest; computed: ComputedFeatures; from: number },
): Promise<string> {
  const { plan, table } = request;
  const inputs = plan.inputs.map((input) => `${inputSql(input, request)} as ${quoteIdentifier(input.name)}`);
  const { rows, columns } = await session.columns(
    `select ${[...inputs, ROW].join(', ')} from ${table} where ${ROW} between ${from} and ${from + BATCH - 1} order by ${ROW}`,
  );
  const sent = plan.inputs.map((input) => requestColumn(input, columns[input.name]));
  const values = await computed.compute({
    request: { rows, columns: new Map(sent.map((column) => [column.name, column])) },
    views: new Map(),
    eventTs: new Float64Array(rows),
  });
  const lines = Array.from({ length: rows }, (_line, row) =>
    [from + row, ...values.map((column) => numberText(column[row] ?? Number.NaN))].join(','),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** Missing is an empty field, and zero keeps its sign. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return '';
  return Object.is(value, -0) ? '-0.0' : String(value);
}

function inputSql({ datatype, source }: ModelInput, { views, columns }: ComputeRequest): string {
  if (source.kind === 'view') {
    const use = views.findIndex((view) => useName(view) === useName(source));
    return tensorSql(quoteIdentifier(viewColumn(use, source.feature)), datatype);
  }
  const column = columns.find(({ name }) => name === source.column) ?? { name: source.column, sourceType: 'VARCHAR' };
  return tensorSql(requestSql(column, datatype), datatype);
}

function requestSql(column: SourceColumn, datatype: ModelInput['datatype']): string {
  const raw = quoteIdentifier(column.name);
  if (datatype === 'INT64') return coerceTime(column).value;
  if (datatype === 'BYTES' || column.sourceType === 'BOOLEAN') return raw;
  return typedColumn({ name: column.name, type: 'float', nullable: true }, raw, column.sourceType).value;
}

/** What is missing has a word of its own where null cannot be said. */
function tensorSql(value: string, datatype: ModelInput['datatype']): string {
  if (datatype === 'BYTES') return `coalesce((${value})::varchar, '')`;
  return datatype === 'INT64' ? `coalesce((${value})::bigint, ${MISSING_TIME})` : `(${value})::real`;
}

/** Views' features go in as overrides: they are joined already. */
function requestColumn({ name, datatype, source }: ModelInput, data: ColumnData | undefined): RequestColumn {
  const key = source.kind === 'request' ? source.column : name;
  const values = data?.values ?? [];
  if (datatype === 'BYTES') return { name: key, datatype, values: Array.from(values, String) };
  if (datatype === 'INT64') return { name: key, datatype, values: Array.from(values, Number) };
  return { name: key, datatype, values: Float32Array.from(values, Number) };
}
