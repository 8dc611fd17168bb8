/** SQL of feature rows: how they are typed and numbered, and the rows of views over single rows of a dataset. */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import { durationMicros } from '../../domain/duration.js';
import { DomainError } from '../../domain/errors.js';
import {
  type EntityKey,
  type FeatureType,
  type FeatureViewSpec,
  isWindowedFeature,
  type RowFeature,
} from '../../domain/feature-view.js';
import { ROW, versionWindow } from './dataset-sql.js';
import { COLUMN_SQL_TYPES } from './column-sql.js';
import { type CheckedExpression, checkExpression } from './expression/check.js';
import { quoteIdentifier, renderSql } from './expression/sql.js';
import { coerceKey } from './spine-sql.js';

/**
 * `seq` of a feature row is commit · 2³² + row: unique among the rows of a view, the same whenever it is computed, and
 * exact in a double for two million commits.
 */
export const FIRST_ROW_OF_COMMIT = 4_294_967_296;

/** Rows that were pushed rank behind all that were computed, by number of the push and row: see {@link FIRST_ROW_OF_COMMIT}. */
export const FIRST_PUSHED_ROW = 2 ** 52;

/**
 * Of rows over a dataset that replaces its rows: when a later version took them away, plus the serving delay; null for
 * those that stand, and for those that only got other values, which outrank them.
 */
export const WITHDRAWN_COLUMN = 'withdrawn_ts';

/** How each type of feature is kept in Parquet. */
export const FEATURE_SQL_TYPES: Readonly<Record<FeatureType, string>> = {
  float: 'real',
  double: 'double',
  integer: 'bigint',
  string: 'varchar',
  boolean: 'boolean',
  timestamp: 'bigint',
};

const TYPE_OF_EXPRESSION: Readonly<Record<CheckedExpression['type'], FeatureType>> = {
  number: 'float',
  boolean: 'boolean',
  text: 'string',
  timestamp: 'timestamp',
};

/** Types that a row feature may declare, by the type of its expression. */
const DECLARABLE: Readonly<Record<CheckedExpression['type'], readonly FeatureType[]>> = {
  number: ['float', 'double', 'integer'],
  boolean: ['boolean', 'float'],
  text: ['string'],
  timestamp: ['timestamp'],
};

type ColumnTypes = Readonly<Record<string, ColumnType>>;

export function columnTypes(dataset: Pick<DatasetSpec, 'columns'>): ColumnTypes {
  return Object.fromEntries(dataset.columns.map(({ name, type }) => [name, type]));
}

/** Features of a view with their types, in declared order. Throws `PRN_EXPRESSION_INVALID` or `PRN_RESOURCE_INVALID`. */
export function featureTypes(
  view: Pick<FeatureViewSpec, 'features' | 'dataset'>,
  dataset: Pick<DatasetSpec, 'columns'>,
): { name: string; type: FeatureType }[] {
  const types = columnTypes(dataset);
  return view.features.map((feature) => ({
    name: feature.name,
    type: isWindowedFeature(feature) ? 'float' : rowFeatureType(feature, checkExpression(feature.expression, types)),
  }));
}

function rowFeatureType(feature: RowFeature, { type }: CheckedExpression): FeatureType {
  const declared = feature.type ?? TYPE_OF_EXPRESSION[type];
  if (DECLARABLE[type].includes(declared)) return declared;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `feature ${feature.name}`,
    problem: `its expression gives a ${type}, which cannot be kept as ${declared}`,
    remedy: `Declare it as ${DECLARABLE[type].join(' or ')}, or leave \`type\` out.`,
  });
}

export interface RowFeaturesInput {
  readonly view: FeatureViewSpec;
  readonly dataset: DatasetSpec;
  /** The relation that `datasetRelation` gives. */
  readonly rows: string;
  /** Only rows of these commits, first and last inclusive. */
  readonly fromCommit: number;
  readonly toCommit: number;
  /** Only rows of these numbers, the last excluded (null for all from the first on). */
  readonly piece?: { readonly fromRow: number; readonly toRow: number | null } | null;
  /** Keys of the entity, in whose types they are kept; in those of the dataset's columns where they are left out. */
  readonly entityKeys?: readonly EntityKey[] | undefined;
  /** True where the relation has rows that were replaced: feature rows then have a {@link WITHDRAWN_COLUMN}. */
  readonly withdraws?: boolean;
}

type KeyedInput = Pick<RowFeaturesInput, 'entityKeys' | 'dataset'> & { readonly view: Pick<FeatureViewSpec, 'keys'> };

/** The keys of feature rows: SQL over the dataset's rows, null for what is no key, and their quoted names. */
export function keyColumns({ view, dataset, entityKeys = [] }: KeyedInput): { value: string; key: string }[] {
  return Object.entries(view.keys).map(([key, name]) => {
    const type = entityKeys.find((each) => each.name === key)?.type;
    const sourceType = COLUMN_SQL_TYPES[columnTypes(dataset)[name] ?? 'string'].toUpperCase();
    const value = type === undefined ? quoteIdentifier(name) : coerceKey({ name, sourceType }, type).value;
    return { value, key: quoteIdentifier(key) };
  });
}

/**
 * One feature row for each row of the dataset: keys, `event_ts`, `known_ts` (plus the serving delay), `seq`, `deleted`
 * and the features. A restatement is a row of its own, known later, that wins from then on.
 */
export function rowFeatures(input: RowFeaturesInput): string {
  const { view, dataset, fromCommit, toCommit, piece, withdraws = false } = input;
  const types = columnTypes(dataset);
  const time = quoteIdentifier(dataset.eventTime);
  const keys = keyColumns(input);
  const known = `${ROW.knownTs} + ${durationMicros(view.servingDelay)}`;
  const deleted = view.deletes === undefined ? 'false' : deletesSql(view.deletes, types);
  const features = view.features.flatMap((feature) => {
    if (isWindowedFeature(feature)) return [];
    const checked = checkExpression(feature.expression, types);
    return [`${kept(renderSql(checked), rowFeatureType(feature, checked))} as ${quoteIdentifier(feature.name)}`];
  });
  const columns = [
    ...keys.map(({ value, key }) => `${value} as ${key}`),
    `${time} as event_ts`,
    `${known} as known_ts`,
    `${ROW.commitSeq} * ${FIRST_ROW_OF_COMMIT} + ${ROW.seq} as seq`,
    `${deleted} as deleted`,
    ...(withdraws ? [`${WITHDRAWN} + ${durationMicros(view.servingDelay)} as ${WITHDRAWN_COLUMN}`] : []),
    ...features,
  ];
  const given = keys.map(({ value }) => ` and ${value} is not null`).join('');
  const to = piece?.toRow == null ? '' : ` and ${ROW.seq} < ${piece.toRow}`;
  const within = piece == null ? '' : ` and ${ROW.seq} >= ${piece.fromRow}${to}`;
  return `select ${columns.join(', ')} from ${withdraws ? withdrawnRows(input) : input.rows}
    where ${ROW.commitSeq} between ${fromCommit} and ${toCommit}${within}${given} order by event_ts, seq`;
}

const WITHDRAWN = '":withdrawn_ts"';

/**
 * With {@link WITHDRAWN}: a row whose place others of the same entity took, one at once after the other up to one that
 * stands, is outranked for good and need not go.
 */
function withdrawnRows({ view, dataset, rows }: RowFeaturesInput): string {
  const own = `(select *, ${ROW.withdrawnTs} as ${WITHDRAWN} from ${rows})`;
  if (dataset.keys.length === 0) return own;
  const next = (sql: string): string => `lead(${sql}) over versions`;
  const entity = Object.values(view.keys).map(quoteIdentifier);
  const same = entity.map((column) => ` and ${next(column)} is not distinct from ${column}`).join('');
  const goes = `${ROW.withdrawnTs} is not null and not coalesce(${next(ROW.knownTs)} = ${ROW.withdrawnTs}${same}, false)`;
  const later = `(${versionWindow(dataset)} rows between current row and unbounded following)`;
  return `(select *, case when bool_or(":goes") over ${later} then ${ROW.withdrawnTs} end as ${WITHDRAWN}
    from (select *, ${goes} as ":goes" from ${rows} window versions as (${versionWindow(dataset)})))`;
}

/** A number that a type cannot hold is missing, not clipped: infinities everywhere, in integers fractions and what a double does not hold. */
function kept(sql: string, type: FeatureType): string {
  if (type === 'float') return `try_cast(case when isfinite((${sql})::double) then (${sql})::double end as real)`;
  if (type === 'double') return `case when isfinite((${sql})::double) then (${sql})::double end`;
  if (type === 'integer')
    return `case when (${sql})::double = floor((${sql})::double) and abs((${sql})::double) < ${2 ** 53} then (${sql})::bigint end`;
  return `(${sql})::${FEATURE_SQL_TYPES[type]}`;
}

function deletesSql(expression: string, types: ColumnTypes): string {
  const checked = checkExpression(expression, types);
  if (checked.type === 'boolean') return `coalesce(${renderSql(checked)}, false)`;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: 'FeatureView.spec.deletes',
    problem: `the expression gives a ${checked.type}`,
    remedy: "Give a condition, such as status == 'closed'.",
  });
}
