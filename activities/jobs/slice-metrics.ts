/** Metrics of the challenger for every value of declared columns, and the search among all features for the worst. */
import type { Bundle } from '../../domain/bundle.js';
import type { SliceResult, SliceSearch } from '../../domain/evaluation.js';
import { type EvaluationMetrics, sliceMetrics } from '../../domain/metrics.js';
import type { ModelSpec } from '../../domain/model.js';
import type { Task } from '../../domain/task.js';
import { estimateOf, type ResampledMetrics } from '../../ml/evaluation/bootstrap.js';
import { type Levels, levelsOfNumbers, levelsOfTexts, rowsByLevel } from '../../ml/evaluation/slices.js';
import { residualsOf, searchSlices } from '../../ml/evaluation/slice-search.js';
import { columnValues } from './contestants.js';
import type { JobContext } from './context.js';
import type { ModelRows } from './model-rows.js';
import { type JudgedContestants, resampleSlice } from './resampled-contestants.js';

/** Values with fewer rows are counted and not measured, unless a gate asks for less. */
const MIN_ROWS = 100;

export interface SlicedColumn {
  readonly column: string;
  readonly levels: readonly {
    readonly value: string;
    readonly rows: number;
    /** Null where it has too few rows. */
    readonly resampled: ResampledMetrics | null;
  }[];
}

/** Columns that gates or the evaluation slice by, each once. */
export function slicedColumns({ gates, evaluation }: Pick<ModelSpec, 'gates' | 'evaluation'>): string[] {
  return [...new Set([...gates.flatMap((gate) => ('slice' in gate ? [gate.slice] : [])), ...evaluation.slices])];
}

export async function measureSlices(
  context: JobContext,
  source: { spec: ModelSpec; bundle: Bundle; holdout: ModelRows; judged: JudgedContestants },
): Promise<SlicedColumn[]> {
  const { spec, bundle, holdout, judged } = source;
  const asked = spec.gates.flatMap((gate) => ('slice' in gate ? [gate.minRows] : []));
  const minRows = Math.min(MIN_ROWS, ...asked);
  const sliced: SlicedColumn[] = [];
  for (const column of slicedColumns(spec)) {
    const levels = await levelsOf(context, { bundle, column }, holdout);
    const groups = rowsByLevel(levels);
    sliced.push({
      column,
      levels: levels.names.map((value, level) => {
        const rows = groups[level] ?? new Uint32Array();
        const resampled = rows.length < minRows ? null : resampleSlice(context, judged, rows);
        return { value, rows: rows.length, resampled };
      }),
    });
  }
  return sliced;
}

/** As evidence keeps them: values that were measured, with the metrics that are worth a look. */
export function sliceResults(
  sliced: readonly SlicedColumn[],
  { task, confidence }: { readonly task: Task; readonly confidence: number },
): SliceResult[] {
  const metricsOf = (resampled: ResampledMetrics): EvaluationMetrics =>
    Object.fromEntries(
      sliceMetrics(task).map((metric) => [metric, estimateOf(resampled.of(metric), confidence)] as const),
    );
  return sliced.flatMap(({ column, levels }) =>
    levels.flatMap(({ value, rows, resampled }) =>
      resampled === null
        ? []
        : [{ where: [{ column, value }], rows, blocks: resampled.units, metrics: metricsOf(resampled) }],
    ),
  );
}

/** Text columns by their texts; all others by the feature of that name. */
async function levelsOf(
  context: Pick<JobContext, 'progress' | 'signal'>,
  { bundle, column }: { bundle: Bundle; column: string },
  holdout: ModelRows,
): Promise<Levels> {
  const own = holdout.columns[column];
  if (Array.isArray(own)) return levelsOfTexts(column, own);
  if (own instanceof Float32Array) return levelsOfNumbers(column, own);
  return levelsOfNumbers(column, await columnValues(context, { ...bundle, column }, holdout));
}

/** Among the features of the model, whose values are given row-major, and the columns it is sliced by. */
export function searchWorstSlices(source: {
  bundle: Bundle;
  holdout: ModelRows;
  matrix: Float32Array;
  judged: JudgedContestants;
}): SliceSearch {
  const { bundle, holdout, matrix, judged } = source;
  const { features } = bundle.plan;
  const columns = features.map(({ name, expression }, position) => {
    const text = holdout.columns[expression];
    if (Array.isArray(text)) return levelsOfTexts(name, text);
    return levelsOfNumbers(name, columnOf(matrix, position, features.length));
  });
  return searchSlices({
    columns,
    residuals: residualsOf(judged.challenger.predictions, holdout.labels),
    weights: holdout.weights,
    unit: judged.unit,
    resamples: judged.evaluation.resamples,
    seed: judged.seed,
  });
}

/** One column of a row-major matrix. */
export function columnOf(matrix: Float32Array, position: number, width: number): Float32Array {
  return Float32Array.from(
    { length: matrix.length / width },
    (_unused, row) => matrix[row * width + position] as number,
  );
}
