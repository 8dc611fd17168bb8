/** CPU body before a search: puts training rows aside to judge trials on, and computes all features once. */
import type { ArtifactRef } from '../../../domain/artifact.js';
import { DomainError } from '../../../domain/errors.js';
import type { FeaturePlan } from '../../../domain/features.js';
import { innerPart, innerSplit, innerSplitText, type InnerSplit } from '../../../domain/inner-split.js';
import type { ModelSpec } from '../../../domain/model.js';
import { checkSearch } from '../../../domain/search-checks.js';
import type { SearchMetric, SearchSpec } from '../../../domain/search-space.js';
import type { SearchPlan } from '../../../domain/search.js';
import { parseTrainerParameters } from '../../../domain/trainer-parameters.js';
import { isBuiltIn, type TrainerParameters, type TrainerSpec } from '../../../domain/trainer.js';
import { quoteIdentifier, quoteText } from '../../../ml/features/expression/sql.js';
import { INNER_COLUMN } from '../../../ml/features/model-inputs.js';
import { plannedTrials } from '../../../ml/search/propose.js';
import { checkFeatureValues } from '../../../ml/training/check-features.js';
import { putJson } from '../../../store/contracts/json-artifacts.js';
import type { JobContext } from '../context.js';
import { type ModelRows, takeModelRows } from '../model-rows.js';
import { computeFeatures } from '../model-scoring.js';
import { columnsOf, sampleRows, trainerFeatures, writeTrainerRows } from '../trainer-rows.js';
import { fitPlan, readTraining, type TrainingInput, type TrainingParts } from '../training-parts.js';

/** Fewer rows in either part tell nothing about parameters. */
const LEAST_ROWS = 20;

/**
 * Encodings are fitted on the rows to fit alone, as training fits them on its rows alone. Throws `PRN_SEARCH_INVALID`,
 * `PRN_SEARCH_VALIDATION` and what training refuses of features. The same inputs give the same plan.
 */
export async function prepareSearch(
  input: TrainingInput,
  context: JobContext,
): Promise<{ readonly plan: ArtifactRef }> {
  const parts = await readTraining(input, context);
  const { snapshot, dataset, train } = parts;
  const { spec, model, pipelineId } = snapshot;
  const { trainer, task } = spec;
  checkSearch(model, spec);
  const search = requireSearch(trainer);
  const split = innerSplit({ ...spec, validation: search.validation }, snapshot.split, train.eventTs);
  const { fit, validation } = await partRows(context, parts, { split, train: dataset.train });
  requireRows(model, task, { fit, validation, rows: train.rows });
  const declared = declaredParameters(trainer);
  const planned: SearchPlan = {
    searchVersion: 1,
    pipelineId,
    model,
    trainer,
    declared,
    task,
    classes: dataset.classes,
    split,
    validatedOn: innerSplitText({ split: spec.split, validation: search.validation }),
    metric: search.metric ?? DEFAULT_METRICS[task],
    trials: plannedTrials(search, declared),
    ...(await writeParts(context, { trainer, plan: fitPlan(input.plan, fit.columns), fit, validation })),
  };
  return { plan: await putJson(context.artifacts, planned) };
}

/** Both parts as features after expressions. */
async function writeParts(
  context: JobContext,
  { trainer, plan, ...parts }: { trainer: TrainerSpec; plan: FeaturePlan; fit: ModelRows; validation: ModelRows },
): Promise<Pick<SearchPlan, 'features' | 'fit' | 'sample' | 'validation'>> {
  const features = trainerFeatures(plan);
  const compute = (rows: ModelRows): Promise<Float32Array> => computeFeatures(context, plan, rows);
  const write = async (rows: ModelRows, columns: readonly Float32Array[]): Promise<SearchPlan['fit']> => ({
    data: await writeTrainerRows(context, { features, columns, rows }),
    rows: rows.rows,
  });
  const matrix = await compute(parts.fit);
  checkFit(trainer, { matrix, rows: parts.fit.rows, features });
  const columns = columnsOf(matrix, features.length);
  return {
    features,
    fit: await write(parts.fit, columns),
    sample: isBuiltIn(trainer) ? [] : sampleRows(columns, parts.fit.rows),
    validation: await write(parts.validation, columnsOf(await compute(parts.validation), features.length)),
  };
}

/** As before a training; a baseline needs no feature that tells anything. */
function checkFit(
  trainer: TrainerSpec,
  { matrix, rows, features }: { matrix: Float32Array; rows: number; features: SearchPlan['features'] },
): void {
  if (trainer.kind === 'baseline') return;
  checkFeatureValues({ matrix, rows, columns: features.length, names: features.map(({ name }) => name) });
}

const DEFAULT_METRICS: Readonly<Record<ModelSpec['task'], SearchMetric>> = {
  binary: 'log_loss',
  multiclass: 'log_loss',
  regression: 'rmse',
};

function requireSearch({ search }: TrainerSpec): SearchSpec {
  if (search === undefined) throw new TypeError('the model declares no search');
  return search;
}

/** With the defaults where they are known: what trial 0 is told, and what others are compared with. */
function declaredParameters(trainer: TrainerSpec): TrainerParameters {
  if (!isBuiltIn(trainer)) return trainer.parameters;
  const parsed = parseTrainerParameters(trainer.kind, trainer.parameters);
  return Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== undefined)) as TrainerParameters;
}

async function partRows(
  context: JobContext,
  { train }: TrainingParts,
  { split, train: part }: { split: InnerSplit; train: ArtifactRef },
): Promise<{ fit: ModelRows; validation: ModelRows }> {
  const draws = split.by === 'time' ? null : await readDraws(context, part);
  const indexes: Record<'fit' | 'validation', number[]> = { fit: [], validation: [] };
  for (const [index, eventTs] of train.eventTs.entries()) {
    const side = innerPart(split, { eventTs, draw: draws?.[index] ?? 0 });
    if (side !== null) indexes[side].push(index);
  }
  return { fit: takeModelRows(train, indexes.fit), validation: takeModelRows(train, indexes.validation) };
}

/** The draw of each training row's group or key, in the order of the rows. */
async function readDraws({ tables, artifacts, signal }: JobContext, part: ArtifactRef): Promise<ArrayLike<number>> {
  const path = quoteText(await artifacts.localPath(part));
  const { columns } = await tables.use(
    (session) => session.columns(`select ${quoteIdentifier(INNER_COLUMN)} from read_parquet(${path})`),
    signal,
  );
  const column = columns[INNER_COLUMN];
  if (column?.type !== 'double')
    throw new DomainError('PRN_TABLE_QUERY_FAILED', { reason: `column ${INNER_COLUMN} is missing` });
  return column.values;
}

function requireRows(
  model: string,
  task: ModelSpec['task'],
  { fit, validation, rows }: { fit: ModelRows; validation: ModelRows; rows: number },
): void {
  const problem =
    Math.min(fit.rows, validation.rows) < LEAST_ROWS
      ? `both need ${LEAST_ROWS} at least`
      : task !== 'regression' && new Set(fit.labels).size < 2
        ? 'those to fit have one label only'
        : null;
  if (problem === null) return;
  throw new DomainError('PRN_SEARCH_VALIDATION', {
    model,
    fitRows: fit.rows,
    validationRows: validation.rows,
    rows,
    problem,
  });
}
