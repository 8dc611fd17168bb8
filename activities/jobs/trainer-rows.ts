/** Rows of a training dataset as features after expressions: what external trainers and the trials of a search are given. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { SAMPLE_ROWS, type TrainerFeature } from '../../domain/external-training.js';
import type { FeaturePlan } from '../../domain/features.js';
import type { TrainerSpec } from '../../domain/trainer.js';
import { categoricalFeatures } from '../../ml/features/plan.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { EVENT_TIME_COLUMN, LABEL_COLUMN, WEIGHT_COLUMN } from '../../ml/features/model-inputs.js';
import type { JobContext } from './context.js';
import { evenly } from './golden-rows.js';
import type { ModelRows } from './model-rows.js';

/** Of the sample, so many rows with a missing feature where there are some. */
const SAMPLE_WITH_MISSING = 64;

/** Name of an external trainer, as it is registered or listed. */
export function trainerName(trainer: TrainerSpec): string {
  if (trainer.kind === 'python') return trainer.name;
  return trainer.kind === 'command' ? trainer.command : trainer.kind;
}

/** Features as an external trainer hears of them. */
export function trainerFeatures(plan: FeaturePlan): TrainerFeature[] {
  const categorical = new Set(categoricalFeatures(plan));
  return plan.features.map(({ name }, index) => ({ name, categorical: categorical.has(index) }));
}

/** A feature matrix by its columns. */
export function columnsOf(matrix: Float32Array, width: number): Float32Array[] {
  const rows = matrix.length / width;
  return Array.from({ length: width }, (_unused, column) => {
    const values = new Float32Array(rows);
    for (let row = 0; row < rows; row += 1) values[row] = matrix[row * width + column] ?? Number.NaN;
    return values;
  });
}

export interface TrainerRows {
  readonly features: readonly TrainerFeature[];
  /** One array for each feature. */
  readonly columns: readonly Float32Array[];
  readonly rows: Pick<ModelRows, 'rows' | 'labels' | 'weights' | 'eventTs'>;
}

/** Parquet: a REAL column for each feature, `label` and `:weight` DOUBLE, `event_ts` BIGINT. */
export async function writeTrainerRows(
  { tables, artifacts, signal, progress }: JobContext,
  { features, columns, rows: { rows, labels, weights, eventTs } }: TrainerRows,
): Promise<ArtifactRef> {
  const path = await artifacts.scratchPath('parquet');
  const doubles = [
    { name: LABEL_COLUMN, values: Float64Array.from(labels) },
    ...(weights === undefined ? [] : [{ name: WEIGHT_COLUMN, values: Float64Array.from(weights) }]),
    { name: EVENT_TIME_COLUMN, values: eventTs },
  ];
  const declared = [
    ...features.map(({ name }) => `${quoteIdentifier(name)} real`),
    ...doubles.map(({ name }) => `${quoteIdentifier(name)} double`),
  ];
  const time = quoteIdentifier(EVENT_TIME_COLUMN);
  await tables.use(async (session) => {
    await session.execute(`create temp table trainer_rows (${declared.join(', ')})`);
    await session.append('trainer_rows', [...columns, ...doubles.map(({ values }) => values)]);
    progress({ message: `${rows} rows for the trainer` });
    const whole = `select * replace (${time}::bigint as ${time}) from trainer_rows`;
    await session.execute(`copy (${whole}) to ${quoteText(path)} (format parquet)`);
    await session.execute('drop table trainer_rows');
  }, signal);
  return artifacts.adopt(path, MEDIA_TYPES.parquet);
}

/** Rows spread evenly over the training time, some of them with a missing feature. */
export function sampleRows(columns: readonly Float32Array[], rows: number): number[] {
  const missing: number[] = [];
  for (let row = 0; row < rows; row += 1) if (columns.some((values) => Number.isNaN(values[row]))) missing.push(row);
  const chosen = new Set(evenly(missing.length, SAMPLE_WITH_MISSING).map((index) => missing[index] ?? 0));
  for (const row of evenly(rows, SAMPLE_ROWS - chosen.size)) chosen.add(row);
  return [...chosen].toSorted((left, right) => left - right);
}
