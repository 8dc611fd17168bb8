/** CPU body of the training dataset: spine ⋈ features ⋈ label as of each row's time, split, sampled, as Parquet. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { DomainError } from '../../domain/errors.js';
import type { EntityKey } from '../../domain/feature-view.js';
import type { ModelInput } from '../../domain/features.js';
import { useName, type ViewUse } from '../../domain/model.js';
import { MISSING_TIME } from '../../domain/time.js';
import type { TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { COLUMN_SQL_TYPES } from '../../ml/features/column-sql.js';
import { askedRows, RESTATED } from '../../ml/features/asked-rows-sql.js';
import { datasetRelation, knownAt, ROW } from '../../ml/features/dataset-sql.js';
import { checkExpression } from '../../ml/features/expression/check.js';
import { quoteIdentifier, quoteText, renderSql } from '../../ml/features/expression/sql.js';
import { coerceKey } from '../../ml/features/spine-sql.js';
import type { ViewJoin } from '../../ml/features/point-in-time.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { TableSession } from '../../store/contracts/tables.js';
import { pinnedView, requestFieldOf } from './bundle-parts.js';
import type { JobContext } from './context.js';
import { joinViews } from './join-views.js';
import { localSegments, type SegmentReference } from './segments.js';

export interface ViewChunks {
  readonly view: string;
  readonly chunks: readonly { readonly table: ArtifactRef; readonly seq: number }[];
  /** True where rows of some chunks say when they were taken away. */
  readonly withdraws?: boolean;
}

export interface BuildTrainingDatasetInput {
  readonly snapshot: TrainingSnapshot;
  readonly dataset: DatasetSpec;
  readonly segments: readonly SegmentReference[];
  readonly viewChunks: readonly ViewChunks[];
  /** Inputs of the candidate, and those of the champion that it does not have itself. */
  readonly inputs: readonly ModelInput[];
  /** The views that these inputs come from, once for each set of keys. */
  readonly uses: readonly ViewUse[];
}

type Part = 'train' | 'holdout';

export async function buildTrainingDataset(
  input: BuildTrainingDatasetInput,
  context: JobContext,
): Promise<TrainingDataset> {
  const { artifacts, tables, signal, progress } = context;
  const views = await viewJoins(artifacts, input);
  const relation = askedRows(input.dataset, {
    relation: datasetRelation(input.dataset, await localSegments(artifacts, input.segments)),
    restated: labelSql(input),
  });
  return tables.use(async (session) => {
    await session.execute(`create temp table spine as ${labelledSpine(input, { relation, views })}`);
    progress({ message: 'spine labelled' });
    const parts: Partial<Record<Part, { ref: ArtifactRef; rows: number }>> = {};
    for (const part of ['train', 'holdout'] as const) {
      parts[part] = await writePart(session, { input, views, part }, artifacts);
      progress({ message: `${part} rows written` });
    }
    const { train, holdout } = parts;
    if (train === undefined || holdout === undefined)
      throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'a part was not written' });
    await requireRows(session, { input, relation, trainRows: train.rows, holdoutRows: holdout.rows });
    const digest = sha256Hex(`${train.ref.sha256} ${holdout.ref.sha256}`);
    return {
      train: train.ref,
      holdout: holdout.ref,
      trainRows: train.rows,
      holdoutRows: holdout.rows,
      classes: [],
      refused: { weight: 0, label: 0, unknownClass: 0, splitKey: 0 },
      digest,
    };
  }, signal);
}

/** Views as the offline join reads them, one for each use; their keys are columns of the spine's dataset. */
export async function viewJoins(
  artifacts: ArtifactStore,
  {
    snapshot,
    viewChunks,
    inputs,
    uses,
  }: Pick<BuildTrainingDatasetInput, 'snapshot' | 'viewChunks' | 'inputs' | 'uses'>,
): Promise<ViewJoin[]> {
  return Promise.all(
    uses.map(async (use) => {
      const { spec, entity, types } = pinnedView(snapshot, use.view);
      const { chunks = [], withdraws = false } = viewChunks.find(({ view }) => view === use.view) ?? {};
      return {
        chunks: await localChunks(artifacts, chunks),
        withdraws,
        keys: (entity?.keys ?? []).map(({ name, type }) => ({
          key: name,
          type,
          column: requestFieldOf(snapshot, use, name),
        })),
        features: inputs.flatMap(({ name, source }) =>
          source.kind === 'view' && useName(source) === use.use
            ? [{ feature: source.feature, type: types[source.feature] ?? 'float', output: name }]
            : [],
        ),
        maxAgeMicros: spec.maxAge === undefined ? null : durationMicros(spec.maxAge),
      };
    }),
  );
}

async function localChunks(artifacts: ArtifactStore, chunks: ViewChunks['chunks']): Promise<{ path: string }[]> {
  return Promise.all(chunks.map(async ({ table }) => ({ path: await artifacts.localPath(table) })));
}

/** A key of the spine in the type of one entity; two entities may take one column for text and for a number. */
export function keyColumn(column: string, type: EntityKey['type']): string {
  return `key:${type}:${column}`;
}

/** The views as they join the spine, which has each key in the type of its entity: see {@link typedKeys}. */
export function joinedByType<V extends ViewJoin>(views: readonly V[]): V[] {
  return views.map((view) => ({
    ...view,
    keys: view.keys.map((key) => ({ ...key, column: keyColumn(key.column, key.type) })),
  }));
}

/** SQL of each key that the views join a dataset's rows by, in the type of its entity, and its quoted name; each once. */
export function typedKeys(
  { columns }: Pick<DatasetSpec, 'columns'>,
  views: readonly ViewJoin[],
): { name: string; sql: string }[] {
  const keys = views.flatMap((view) =>
    view.keys.map(({ column, type }) => {
      const declared = columns.find(({ name }) => name === column)?.type ?? 'string';
      const sourceType = COLUMN_SQL_TYPES[declared].toUpperCase();
      const name = quoteIdentifier(keyColumn(column, type));
      return [name, { name, sql: coerceKey({ name: column, sourceType }, type).value }] as const;
    }),
  );
  return [...new Map(keys).values()];
}

function labelSql({ snapshot, dataset }: BuildTrainingDatasetInput): string {
  const types = Object.fromEntries(dataset.columns.map(({ name, type }) => [name, type]));
  return `(${renderSql(checkExpression(snapshot.spec.label.expression, types))})::int::double`;
}

/**
 * Rows whose label was known at `asOf`, with their part and a stable draw for sampling. The label is that of the row as it
 * was known at `asOf`; all else is of the row as it was first made, which is what serving saw.
 */
function labelledSpine(
  { snapshot, dataset, inputs }: BuildTrainingDatasetInput,
  { relation, views }: { relation: string; views: readonly ViewJoin[] },
): string {
  const { spec, split, asOf } = snapshot;
  const time = quoteIdentifier(spec.spine.eventTime);
  const keys = typedKeys(dataset, views).map(({ sql, name }) => `${sql} as ${name}`);
  const requests = inputs.flatMap(({ name, datatype, source }) =>
    source.kind === 'request' ? [requestColumn(name, source.column, datatype)] : [],
  );
  const known = `${knownAt(String(asOf))} and ${time} + ${durationMicros(spec.label.availableAfter)} <= ${asOf}`;
  return `
    select ${keys.join(', ')}${keys.length === 0 ? '' : ','} ${time} as ts, ${RESTATED} as label,
      ${requests.map(({ sql, alias }) => `${sql} as ${alias}`).join(', ')}${requests.length === 0 ? '' : ','}
      case when ${time} >= ${split.holdoutFrom} then 'holdout' else 'train' end as part,
      md5(concat_ws('|', ${time}, ${ROW.commitSeq}, ${ROW.seq})) as draw, ${ROW.commitSeq}, ${ROW.seq}
    from ${relation}
    where ${known} and ${RESTATED} is not null
      and ((${time} >= ${split.trainFrom} and ${time} < ${split.trainTo}) or (${time} >= ${split.holdoutFrom} and ${time} < ${split.holdoutTo}))`;
}

/** Request inputs get a name of their own in the spine, since a key column may be one of them too. */
function requestColumn(name: string, column: string, datatype: ModelInput['datatype']): { sql: string; alias: string } {
  const types = { FP32: 'real', INT64: 'bigint', BYTES: 'varchar' } as const;
  return { sql: `(${quoteIdentifier(column)})::${types[datatype]}`, alias: quoteIdentifier(`request:${name}`) };
}

/** A view's value as the tensor has it: what is missing has a word of its own where null cannot be said. */
function inputSql(value: string, datatype: ModelInput['datatype']): string {
  if (datatype === 'BYTES') return `coalesce(${value}::varchar, '')`;
  return datatype === 'INT64' ? `coalesce(${value}::bigint, ${MISSING_TIME})` : `${value}::real`;
}

async function writePart(
  session: TableSession,
  write: { input: BuildTrainingDatasetInput; views: readonly ViewJoin[]; part: Part },
  artifacts: ArtifactStore,
): Promise<{ ref: ArtifactRef; rows: number }> {
  const { input, views, part } = write;
  const sample = input.snapshot.spec.split.sample?.[part];
  const limit = sample === undefined ? '' : `qualify row_number() over (order by draw) <= ${sample}`;
  await session.execute(
    `create or replace temp table part_spine as select * from spine where part = '${part}' ${limit}`,
  );
  const spine = { table: 'part_spine', timeColumn: 'ts' };
  const joined = await joinViews(session, { spine, views: joinedByType(views), knowledge: 'as-known' });
  const columns = input.inputs.map(({ name, datatype, source }) =>
    source.kind === 'request'
      ? `${quoteIdentifier(`request:${name}`)} as ${quoteIdentifier(name)}`
      : `${inputSql(quoteIdentifier(name), datatype)} as ${quoteIdentifier(name)}`,
  );
  const path = await artifacts.scratchPath('parquet');
  await session.execute(
    `copy (select ts as event_ts, label, ${columns.join(', ')} from ${joined} order by ts, ${ROW.commitSeq}, ${ROW.seq}) to ${quoteText(path)} (format parquet)`,
  );
  const [counted] = await session.rows(`select count(*) as rows from read_parquet(${quoteText(path)})`);
  return { ref: await artifacts.adopt(path, MEDIA_TYPES.parquet), rows: Number(counted?.['rows'] ?? 0) };
}

/** An empty part ends the run with the step that emptied it. */
async function requireRows(
  session: TableSession,
  check: { input: BuildTrainingDatasetInput; relation: string; trainRows: number; holdoutRows: number },
): Promise<void> {
  const { input, relation, trainRows, holdoutRows } = check;
  if (trainRows > 0 && holdoutRows > 0) return;
  const { split, asOf, spec } = input.snapshot;
  const [from, to] = trainRows === 0 ? [split.trainFrom, split.trainTo] : [split.holdoutFrom, split.holdoutTo];
  const time = quoteIdentifier(spec.spine.eventTime);
  const [counts] = await session.rows(
    `select count(*) as rows, count(*) filter (where ${knownAt(String(asOf))}) as known from ${relation} where ${time} >= ${from} and ${time} < ${to}`,
  );
  const iso = (micros: number): string => new Date(micros / 1_000).toISOString();
  const reason =
    `the ${trainRows === 0 ? 'training part' : 'holdout'} from ${iso(from)} to ${iso(to)} has ${counts?.['rows'] ?? 0} rows, ` +
    `${counts?.['known'] ?? 0} of them known at ${iso(asOf)}, none with a usable label`;
  throw new DomainError('PRN_TRAINING_NO_ROWS', { reason });
}
