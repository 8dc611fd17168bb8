/** The rows of a training dataset before features are joined: labelled, weighted, on one side of the split, or refused. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { DomainError } from '../../domain/errors.js';
import type { ModelInput } from '../../domain/features.js';
import { splitColumns } from '../../domain/split.js';
import { type RefusedRows, TOLERATED_LABEL_SHARE, type TrainingSnapshot } from '../../domain/training.js';
import { RESTATED } from '../../ml/features/asked-rows-sql.js';
import { knownAt, ROW } from '../../ml/features/dataset-sql.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import { groupSql, hashSideSql, innerDrawSql, labelSql, weightSql } from '../../ml/features/label-sql.js';
import { GROUP_COLUMN, INNER_COLUMN, WEIGHT_COLUMN } from '../../ml/features/model-inputs.js';
import type { TableSession } from '../../store/contracts/tables.js';

export interface TrainingSpine {
  readonly snapshot: TrainingSnapshot;
  readonly dataset: DatasetSpec;
  readonly inputs: readonly ModelInput[];
  /** SQL of the spine's rows as `askedRows` gives them, restated by {@link restatedSql}. */
  readonly relation: string;
  /** Keys that views are joined by: SQL and quoted name. */
  readonly keys: readonly { readonly name: string; readonly sql: string }[];
}

/** Rows whose label was known at the moment of knowledge, with a stable draw for sampling. */
export const SPINE_TABLE = 'spine';
export const REFUSED = '":refused"';

export type Part = 'train' | 'holdout';

/** Request inputs get a name of their own in the spine, since a key column may be one of them too. */
export function requestAlias(name: string): string {
  return quoteIdentifier(`request:${name}`);
}

/** Fills {@link SPINE_TABLE}; rows that cannot be used stay in it, with the reason. Throws `PRN_TRAINING_INVALID_LABEL`. */
export async function takeSpine(session: TableSession, spine: TrainingSpine): Promise<RefusedRows> {
  await session.execute(`create temp table ${SPINE_TABLE} as ${spineSql(spine)}`);
  const [counts = {}] = await session.rows(
    `select count(*) as rows, ${['weight', 'label', 'splitKey']
      .map((reason) => `count(*) filter (where ${REFUSED} = '${reason}') as "${reason}"`)
      .join(', ')}, any_value(given) filter (where ${REFUSED} = 'label') as example from ${SPINE_TABLE}`,
  );
  const [rows, label] = [Number(counts['rows']), Number(counts['label'])];
  if (label > rows * TOLERATED_LABEL_SHARE) {
    const { expected } = labelSql(spine.snapshot.spec, columnTypes(spine.dataset));
    throw new DomainError('PRN_TRAINING_INVALID_LABEL', { refused: label, rows, expected, example: counts['example'] });
  }
  return { weight: Number(counts['weight']), label, unknownClass: 0, splitKey: Number(counts['splitKey']) };
}

function columnTypes({ columns }: DatasetSpec): Record<string, DatasetSpec['columns'][number]['type']> {
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]));
}

/** What is taken from a row as it was known at last: its label and its weight. All else is of the row as it was asked. */
export function restatedSql({ spec }: TrainingSnapshot, dataset: DatasetSpec): string {
  const { given } = labelSql(spec, columnTypes(dataset));
  return `struct_pack(label := ${given}, weight := ${weightSql(spec, columnTypes(dataset)) ?? 'null'})`;
}

function spineSql({ snapshot, dataset, inputs, relation, keys }: TrainingSpine): string {
  const { spec, split, asOf } = snapshot;
  const time = quoteIdentifier(spec.spine.eventTime);
  const given = `struct_extract(${RESTATED}, 'label')`;
  const label = labelSql(spec, columnTypes(dataset)).labelOf(given);
  const weight = spec.weight === undefined ? null : `struct_extract(${RESTATED}, 'weight')`;
  const group = groupSql(spec.split);
  const known = `${knownAt(String(asOf))} and ${time} + ${durationMicros(spec.label.availableAfter)} <= ${asOf}`;
  const within = (from: number, to: number): string => `(${time} >= ${from} and ${time} < ${to})`;
  const held = heldOutSql(snapshot);
  const refusals = [
    ...(splitColumns(spec.split).length === 0 ? [] : [`when ${held} is null then 'splitKey'`]),
    ...(weight === null ? [] : [`when ${weight} is null then 'weight'`]),
    `when (${label}) is null then 'label'`,
  ];
  const columns = [
    ...keys.map(({ sql, name }) => `${sql} as ${name}`),
    `${time} as ts`,
    `(${label}) as label`,
    `${given}::varchar as given`,
    ...(weight === null ? [] : [`${weight} as ${quoteIdentifier(WEIGHT_COLUMN)}`]),
    ...(group === null ? [] : [`${group} as ${quoteIdentifier(GROUP_COLUMN)}`]),
    ...(drawsInner(spec) ? [`${innerDrawSql(splitColumns(spec.split))} as ${quoteIdentifier(INNER_COLUMN)}`] : []),
    ...inputs.flatMap(({ name, datatype, source }) =>
      source.kind === 'request' ? [`${requestSql(source.column, datatype)} as ${requestAlias(name)}`] : [],
    ),
    `case when ${held} then 'holdout' else 'train' end as part`,
    `md5(concat_ws('|', ${time}, ${ROW.commitSeq}, ${ROW.seq})) as draw`,
    `case ${refusals.join(' ')} end as ${REFUSED}`,
    ROW.commitSeq,
    ROW.seq,
  ];
  return `
    select ${columns.join(', ')} from ${relation}
    where ${known} and ${given} is not null
      and (${within(split.trainFrom, split.trainTo)} or ${within(split.holdoutFrom, split.holdoutTo)})`;
}

/** A search puts whole groups or keys aside, which the training part alone does not name. */
export function drawsInner({ trainer, split }: TrainingSnapshot['spec']): boolean {
  return trainer.search !== undefined && splitColumns(split).length > 0;
}

function heldOutSql({ spec, split }: TrainingSnapshot): string {
  const columns = splitColumns(spec.split);
  return columns.length === 0 || typeof spec.split.holdout !== 'number'
    ? `(${quoteIdentifier(spec.spine.eventTime)} >= ${split.holdoutFrom})`
    : hashSideSql(columns, spec.split.holdout);
}

function requestSql(column: string, datatype: ModelInput['datatype']): string {
  const value = quoteIdentifier(column);
  if (datatype !== 'FP32') return `(${value})::${datatype === 'INT64' ? 'bigint' : 'varchar'}`;
  // What float32 does not hold is infinite there, as it is to every float32 computation; the trainer's check names it.
  const beyond = `case when ${value}::double > 0 then 'inf'::real when ${value}::double < 0 then '-inf'::real end`;
  return `coalesce(try_cast(${value} as real), ${beyond})`;
}
