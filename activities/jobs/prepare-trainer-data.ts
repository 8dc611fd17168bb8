/** CPU body before an external trainer: the training part as features after expressions, and what is asked of the trainer. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import { SAMPLE_ROWS, type TrainerFeature, type TrainerRequest } from '../../domain/external-training.js';
import type { FeaturePlan } from '../../domain/features.js';
import { inputTypes } from '../../ml/features/plan.js';
import { checkExpression } from '../../ml/features/expression/check.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { EVENT_TIME_COLUMN, LABEL_COLUMN, WEIGHT_COLUMN } from '../../ml/features/model-inputs.js';
import { putJson } from '../json-artifacts.js';
import type { JobContext } from './context.js';
import { evenly } from './golden-rows.js';
import type { ModelRows } from './model-rows.js';
import { computeFeatures } from './model-scoring.js';
import { readTraining, type TrainingInput, type TrainingParts } from './training-parts.js';

export interface PrepareTrainerDataInput extends TrainingInput {
  readonly runId: string;
}

/** Of the sample, so many rows with a missing feature where there are some. */
const SAMPLE_WITH_MISSING = 64;

/** Returns the JSON artefact with the `TrainerRequest`. The same inputs give the same request. */
export async function prepareTrainerData(
  input: PrepareTrainerDataInput,
  context: JobContext,
): Promise<{ readonly request: ArtifactRef }> {
  const parts = await readTraining(input, context);
  const { snapshot, dataset, plan, train } = parts;
  const features = featuresOf(plan);
  const matrix = await computeFeatures(context, plan, train);
  const columns = columnsOf(matrix, features.length);
  const { trainer, task } = snapshot.spec;
  const request: TrainerRequest = {
    requestVersion: 1,
    runId: input.runId,
    trainer: nameOf(trainer),
    parameters: trainer.parameters,
    seed: trainer.seed,
    task,
    classes: dataset.classes,
    features,
    data: await writeRows(context, { features, columns, train }),
    sample: sampleOf(columns, train.rows),
    ...(trainer.kind === 'command' && { limits: trainer.limits }),
  };
  return { request: await putJson(context.artifacts, request) };
}

function nameOf(trainer: TrainingParts['snapshot']['spec']['trainer']): string {
  if (trainer.kind === 'python') return trainer.name;
  return trainer.kind === 'command' ? trainer.command : trainer.kind;
}

function featuresOf({ inputs, features }: FeaturePlan): TrainerFeature[] {
  const types = inputTypes(inputs);
  return features.map(({ name, expression }) => {
    if (name === LABEL_COLUMN || name === EVENT_TIME_COLUMN)
      throw new DomainError('PRN_RESOURCE_INVALID', {
        where: 'Model.spec.features',
        problem: `no feature of an external trainer can be called ${name}, which its data has already`,
        remedy: 'Give the feature another name.',
      });
    return { name, categorical: checkExpression(expression, types).type === 'text' };
  });
}

function columnsOf(matrix: Float32Array, width: number): Float32Array[] {
  const rows = matrix.length / width;
  return Array.from({ length: width }, (_unused, column) => {
    const values = new Float32Array(rows);
    for (let row = 0; row < rows; row += 1) values[row] = matrix[row * width + column] ?? Number.NaN;
    return values;
  });
}

async function writeRows(
  { tables, artifacts, signal, progress }: JobContext,
  { features, columns, train }: { features: readonly TrainerFeature[]; columns: Float32Array[]; train: ModelRows },
): Promise<ArtifactRef> {
  const path = await artifacts.scratchPath('parquet');
  const { labels, weights, eventTs } = train;
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
    progress({ message: `${train.rows} rows for the trainer` });
    const whole = `select * replace (${time}::bigint as ${time}) from trainer_rows`;
    await session.execute(`copy (${whole}) to ${quoteText(path)} (format parquet)`);
    await session.execute('drop table trainer_rows');
  }, signal);
  return artifacts.adopt(path, MEDIA_TYPES.parquet);
}

/** Rows spread evenly over the training time, some of them with a missing feature. */
function sampleOf(columns: readonly Float32Array[], rows: number): number[] {
  const missing: number[] = [];
  for (let row = 0; row < rows; row += 1) if (columns.some((values) => Number.isNaN(values[row]))) missing.push(row);
  const chosen = new Set(evenly(missing.length, SAMPLE_WITH_MISSING).map((index) => missing[index] ?? 0));
  for (const row of evenly(rows, SAMPLE_ROWS - chosen.size)) chosen.add(row);
  return [...chosen].toSorted((left, right) => left - right);
}
