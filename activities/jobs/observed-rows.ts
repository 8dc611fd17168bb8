/** Rows of the spine at their own times, once joined by the tables and once looked up as serving does. */
import type { Bundle, RequestField } from '../../domain/bundle.js';
import type { FeaturePlan } from '../../domain/features.js';
import { viewUses } from '../../domain/model.js';
import { askedRows } from '../../ml/features/asked-rows-sql.js';
import { datasetRelation, knownAt, ROW } from '../../ml/features/dataset-sql.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import { pointInTimeJoin, type ViewJoin } from '../../ml/features/point-in-time.js';
import { SKEW_ROW } from '../../ml/features/skew/matrix-sql.js';
import {
  onlineRowsSql,
  SAMPLE,
  SAMPLE_TIME,
  sampledField,
  sampledFieldsSql,
} from '../../ml/features/skew/observed-sql.js';
import { lookUpViews, type ViewReader, type ViewRows } from '../../scoring/feature-lookup.js';
import { compileFeatureInputs, type Feeds } from '../../scoring/feature-plan.js';
import type { RequestColumn, RequestRows } from '../../scoring/request-columns.js';
import type { OnlineRow } from '../../store/contracts/features.js';
import type { ColumnarResult, TableSession } from '../../store/contracts/tables.js';
import {
  type BuildTrainingDatasetInput,
  joinedByType,
  keyColumn,
  typedKeys,
  viewJoins,
} from './build-training-dataset.js';
import type { JobContext } from './context.js';
import { onlineRowOf } from './feature-row.js';
import { localSegments } from './segments.js';

/** A view as the offline join reads it, with its name. */
interface JoinedView extends ViewJoin {
  readonly view: string;
}

export interface ObservedSource extends Omit<BuildTrainingDatasetInput, 'inputs' | 'uses'> {
  readonly bundle: Bundle;
}

/**
 * Takes the sample into the session: rows that training could have used, drawn by a stable hash. Keys are coerced to the
 * types of their entities, as training coerces them and as callers send them; rows without one cannot be asked about.
 */
export async function sampleSpine(
  session: TableSession,
  { artifacts }: Pick<JobContext, 'artifacts'>,
  { source, views, wanted }: { source: ObservedSource; views: readonly ViewJoin[]; wanted: number },
): Promise<void> {
  const { snapshot, dataset, segments, bundle } = source;
  const { spine } = snapshot.spec;
  const relation = askedRows(dataset, {
    relation: datasetRelation(dataset, await localSegments(artifacts, segments)),
    restated: 'null',
  });
  const time = quoteIdentifier(spine.eventTime);
  const keys = typedKeys(dataset, views);
  const sent = new Map(
    bundle.views.flatMap((view) =>
      view.keys.map(({ request, type }) => [request, quoteIdentifier(keyColumn(request, type))] as const),
    ),
  );
  const fields = bundle.request.map(({ name, datatype }) => {
    const key = datatype === 'FP32' ? undefined : keys.find((each) => each.name === sent.get(name));
    return `${key?.sql ?? quoteIdentifier(name)} as ${sampledField(name)}`;
  });
  const given = [...spine.keys.map(quoteIdentifier), ...keys.map(({ sql }) => sql)]
    .map((key) => ` and ${key} is not null`)
    .join('');
  const draw = `md5(concat_ws('|', ${time}, ${ROW.commitSeq}, ${ROW.seq}))`;
  await session.execute(`create or replace temp table ${SAMPLE} as
    select *, (row_number() over (order by ${SAMPLE_TIME}, draw) - 1)::bigint as ${SKEW_ROW} from (
      select ${[...keys.map(({ sql, name }) => `${sql} as ${name}`), ...fields, `${time} as ${SAMPLE_TIME}`, `${draw} as draw`].join(', ')} from ${relation}
      where ${knownAt(String(snapshot.asOf))} and ${time} >= ${snapshot.split.trainFrom}${given}
      order by draw limit ${wanted})`);
}

/** The sample with the plan's inputs joined as of each row's time, as training joins them. */
export function offlineInputsSql(plan: FeaturePlan, views: readonly ViewJoin[]): string {
  const types = { FP32: 'real', INT64: 'bigint', BYTES: 'varchar' } as const;
  const columns = plan.inputs.map(({ name, datatype, source }) => {
    const value = source.kind === 'request' ? sampledField(source.column) : quoteIdentifier(name);
    return `(${value})::${types[datatype]} as ${quoteIdentifier(name)}`;
  });
  const timeColumn = SAMPLE_TIME.slice(1, -1);
  const joined = joinedByType(views).reduce(
    (relation, view) => `(${pointInTimeJoin({ relation, timeColumn }, view)})`,
    SAMPLE,
  );
  return `(select ${[...columns, SKEW_ROW].join(', ')} from ${joined})`;
}

/** Views of a snapshot as the offline join reads them. */
export async function joinedViews(
  { artifacts }: Pick<JobContext, 'artifacts'>,
  source: ObservedSource,
): Promise<JoinedView[]> {
  const joins = await viewJoins(artifacts, {
    ...source,
    inputs: source.bundle.plan.inputs,
    uses: viewUses(source.snapshot.spec),
  });
  return source.bundle.views.flatMap(({ view }, index) => {
    const join = joins[index];
    return join === undefined ? [] : [{ ...join, view }];
  });
}

export interface ServedRows {
  readonly rows: number;
  /** Inputs of the graph. */
  readonly feeds: Feeds;
  /** Request fields as they were sent, and the time of the question. */
  readonly request: RequestRows;
}

/** What serving would have fed the graph with, had the sampled rows been asked at their own times. */
export async function servedInputs(
  session: TableSession,
  bundle: Bundle,
  views: readonly JoinedView[],
): Promise<ServedRows> {
  const sampled = await session.columns(sampledFieldsSql(bundle.request));
  const request = requestOf(bundle.request, sampled);
  const online = await onlineRows(session, views);
  const found = new Map<string, (OnlineRow | null)[]>();
  const inputs = compileFeatureInputs(bundle);
  for (let row = 0; row < request.rows; row += 1) {
    const read: ViewReader = ({ view }, keys) => Promise.resolve(heldAt(online, view, { row, keys }));
    const looked = await lookUpViews(read, inputs.viewsFor(request), rowOf(request, row));
    for (const [name, rows] of looked) found.set(name, [...(found.get(name) ?? []), rows[0] ?? null]);
  }
  const eventTs = Float64Array.from(sampled.columns[SAMPLE_TIME.slice(1, -1)]?.values ?? [], Number);
  const all: ReadonlyMap<string, ViewRows> = found;
  return { rows: request.rows, request, feeds: inputs.assemble({ request, views: all, eventTs, rows: null }) };
}

type OnlineRows = ReadonlyMap<string, readonly OnlineRow[]>;

function heldAt(
  online: OnlineRows,
  view: string,
  { row, keys }: { row: number; keys: readonly string[] },
): ReadonlyMap<string, OnlineRow> {
  const found = new Map<string, OnlineRow>();
  // Uses of a view by different columns may ask for one entity, each with features of its own.
  for (const held of online.get(`${view}/${row}`) ?? [])
    if (keys.includes(held.key))
      found.set(held.key, { ...held, values: { ...found.get(held.key)?.values, ...held.values } });
  return found;
}

/** Online rows by view and row of the sample: one for each use of the view. */
async function onlineRows(session: TableSession, views: readonly JoinedView[]): Promise<OnlineRows> {
  const online = new Map<string, OnlineRow[]>();
  for (const join of joinedByType(views).filter(({ chunks }) => chunks.length > 0)) {
    for (const row of await session.rows(onlineRowsSql(join))) {
      const at = `${join.view}/${Number(row[SKEW_ROW.slice(1, -1)])}`;
      online.set(at, [
        ...(online.get(at) ?? []),
        onlineRowOf(row, {
          keys: join.keys.map(({ key }) => key),
          features: join.features.map(({ feature }) => feature),
        }),
      ]);
    }
  }
  return online;
}

function requestOf(fields: readonly RequestField[], { rows, columns }: ColumnarResult): RequestRows {
  const sent = fields.map((field): RequestColumn => {
    const values = columns[field.name]?.values ?? [];
    const { name, datatype } = field;
    if (datatype === 'FP32') return { name, datatype, values: Float32Array.from(values, Number) };
    if (datatype === 'BYTES') return { name, datatype, values: Array.from(values, String) };
    return { name, datatype, values: Array.from(values, Number) };
  });
  return { rows, columns: new Map(sent.map((column) => [column.name, column])) };
}

function rowOf({ columns }: RequestRows, row: number): RequestRows {
  const one = [...columns.values()].map((column): RequestColumn => {
    if (column.datatype === 'FP32') return { ...column, values: column.values.slice(row, row + 1) };
    if (column.datatype === 'BYTES') return { ...column, values: column.values.slice(row, row + 1) };
    return { ...column, values: column.values.slice(row, row + 1) };
  });
  return { rows: 1, columns: new Map(one.map((column) => [column.name, column])) };
}
