/** CPU body of the training dataset: spine ⋈ features ⋈ label as of each row's time, split, sampled, as Parquet. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { DomainError } from '../../domain/errors.js';
import type { EntityKey } from '../../domain/feature-view.js';
import type { ModelInput } from '../../domain/features.js';
import { useName, type ViewUse } from '../../domain/model.js';
import type { SplitSpec } from '../../domain/split.js';
import { MISSING_TIME } from '../../domain/time.js';
import type { TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { COLUMN_SQL_TYPES } from '../../ml/features/column-sql.js';
import { askedRows } from '../../ml/features/asked-rows-sql.js';
import { datasetRelation, knownAt, ROW } from '../../ml/features/dataset-sql.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { GROUP_COLUMN, INNER_COLUMN, WEIGHT_COLUMN } from '../../ml/features/model-inputs.js';
import { coerceKey } from '../../ml/features/spine-sql.js';
import type { ViewJoin } from '../../ml/features/point-in-time.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { TableSession } from '../../store/contracts/tables.js';
import { pinnedView, requestFieldOf } from './bundle-parts.js';
import type { JobContext } from './context.js';
import { joinViews } from './join-views.js';
import { localSegments, type SegmentReference } from './segments.js';
import { requireCategories } from './training-categories.js';
import { CLASS_TABLE, classesOf, dropUnknownClasses } from './training-labels.js';
import { drawsInner, type Part, REFUSED, requestAlias, restatedSql, SPINE_TABLE, takeSpine } from './training-spine.js';

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

interface WrittenPart {
  readonly ref: ArtifactRef;
  readonly rows: number;
}

/**
 * Throws `PRN_TRAINING_NO_ROWS` for an empty part, and what labels can be wrong with: `PRN_TRAINING_INVALID_LABEL`,
 * `…_ONE_CLASS`, `…_CONSTANT_TARGET`, `…_TOO_MANY_CLASSES`, `…_UNKNOWN_CLASS`; `…_TOO_MANY_CATEGORIES`.
 */
export async function buildTrainingDataset(
  input: BuildTrainingDatasetInput,
  context: JobContext,
): Promise<TrainingDataset> {
  const { artifacts, tables, signal, progress } = context;
  const { snapshot, dataset, inputs } = input;
  const { task } = snapshot.spec;
  const views = await viewJoins(artifacts, input);
  const relation = askedRows(dataset, {
    relation: datasetRelation(dataset, await localSegments(artifacts, input.segments)),
    restated: restatedSql(snapshot, dataset),
  });
  return tables.use(async (session) => {
    const keys = typedKeys(dataset, views);
    const refused = await takeSpine(session, { snapshot, dataset, inputs, relation, keys });
    progress({ message: 'spine labelled' });
    const write = async (part: Part): Promise<WrittenPart> => {
      const written = await writePart(session, { input, views, part }, artifacts);
      if (written.rows === 0) throw await noRows(session, { input, relation, part });
      progress({ message: `${part} rows written` });
      return written;
    };
    await takePart(session, snapshot, 'train');
    const classes = await classesOf(session, PART_TABLE, task);
    const train = await write('train');
    await takePart(session, snapshot, 'holdout');
    const unknownClass = task === 'multiclass' ? await dropUnknownClasses(session, PART_TABLE) : 0;
    const holdout = await write('holdout');
    return {
      train: train.ref,
      holdout: holdout.ref,
      trainRows: train.rows,
      holdoutRows: holdout.rows,
      classes,
      refused: { ...refused, unknownClass },
      digest: sha256Hex(`${train.ref.sha256} ${holdout.ref.sha256}`),
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

/** A view's value as the tensor has it: what is missing has a word of its own where null cannot be said. */
function inputSql(value: string, datatype: ModelInput['datatype']): string {
  if (datatype === 'BYTES') return `coalesce(${value}::varchar, '')`;
  return datatype === 'INT64' ? `coalesce(${value}::bigint, ${MISSING_TIME})` : `${value}::real`;
}

const PART_TABLE = 'part_spine';

/** Fills {@link PART_TABLE} with the usable rows of a part, or a sample of them. */
async function takePart(session: TableSession, { spec }: TrainingSnapshot, part: Part): Promise<void> {
  const sample = spec.split.sample?.[part];
  const limit = sample === undefined ? '' : `qualify row_number() over (order by draw) <= ${sample}`;
  await session.execute(
    `create or replace temp table ${PART_TABLE} as select * from ${SPINE_TABLE} where part = '${part}' and ${REFUSED} is null ${limit}`,
  );
}

async function writePart(
  session: TableSession,
  { input, views, part }: { input: BuildTrainingDatasetInput; views: readonly ViewJoin[]; part: Part },
  artifacts: ArtifactStore,
): Promise<WrittenPart> {
  const { spec } = input.snapshot;
  const spine = { table: PART_TABLE, timeColumn: 'ts' };
  const joined = await joinViews(session, { spine, views: joinedByType(views), knowledge: 'as-known' });
  const isMulticlass = spec.task === 'multiclass';
  const columns = [
    'ts as event_ts',
    isMulticlass ? 'code::double as label' : 'label',
    ...(spec.weight === undefined ? [] : [quoteIdentifier(WEIGHT_COLUMN)]),
    ...(namesGroups(spec.split, part) ? [quoteIdentifier(GROUP_COLUMN)] : []),
    ...(drawsInner(spec) ? [quoteIdentifier(INNER_COLUMN)] : []),
    ...input.inputs.map(({ name, datatype, source }) => {
      const value = source.kind === 'request' ? requestAlias(name) : inputSql(quoteIdentifier(name), datatype);
      return `${value} as ${quoteIdentifier(name)}`;
    }),
  ];
  const labelled = isMulticlass ? `${joined} join ${CLASS_TABLE} on label = class` : joined;
  const path = await artifacts.scratchPath('parquet');
  await session.execute(
    `copy (select ${columns.join(', ')} from ${labelled} order by ts, ${ROW.commitSeq}, ${ROW.seq}) to ${quoteText(path)} (format parquet)`,
  );
  const written = `read_parquet(${quoteText(path)})`;
  await requireCategories(session, written, input.inputs);
  const [counted] = await session.rows(`select count(*) as rows from ${written}`);
  return { ref: await artifacts.adopt(path, MEDIA_TYPES.parquet), rows: Number(counted?.['rows'] ?? 0) };
}

/** Groups are looked for on both sides. Keys of a hash, which may be as many as rows, only tell what to draw for intervals. */
function namesGroups(split: SplitSpec, part: Part): boolean {
  return 'group' in split || ('hash' in split && part === 'holdout');
}

/** An empty part ends the run with the step that emptied it. */
async function noRows(
  session: TableSession,
  { input, relation, part }: { input: BuildTrainingDatasetInput; relation: string; part: Part },
): Promise<DomainError> {
  const { split, asOf, spec } = input.snapshot;
  const [from, to] = part === 'train' ? [split.trainFrom, split.trainTo] : [split.holdoutFrom, split.holdoutTo];
  const time = quoteIdentifier(spec.spine.eventTime);
  const [counts] = await session.rows(
    `select count(*) as rows, count(*) filter (where ${knownAt(String(asOf))}) as known from ${relation} where ${time} >= ${from} and ${time} < ${to}`,
  );
  const [usable] = await session.rows(
    `select count(*) as labelled, count(${REFUSED}) as refused from ${SPINE_TABLE} where part = '${part}'`,
  );
  const iso = (micros: number): string => new Date(micros / 1_000).toISOString();
  const reason =
    `the ${part === 'train' ? 'training part' : 'holdout'} from ${iso(from)} to ${iso(to)} has ${counts?.['rows'] ?? 0} rows, ` +
    `${counts?.['known'] ?? 0} of them known at ${iso(asOf)}, ` +
    (Number(usable?.['labelled'] ?? 0) === 0
      ? 'none with a usable label'
      : `${usable?.['refused'] ?? 0} of the ${usable?.['labelled'] ?? 0} labelled ones on this side refused for their weight, label or split column`);
  return new DomainError('PRN_TRAINING_NO_ROWS', { reason });
}
