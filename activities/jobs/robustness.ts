/** What the model loses where an input is missing, or tells nothing because its values are shuffled over the rows. */
import type { Bundle } from '../../domain/bundle.js';
import type { RobustnessResult } from '../../domain/evaluation.js';
import type { MetricName } from '../../domain/metrics.js';
import { statisticOf } from '../../ml/evaluation/evaluate.js';
import { predictionsOf, takeFloats } from '../../ml/evaluation/predictions.js';
import { measureOnce } from '../../ml/evaluation/statistic.js';
import { scoreProblem } from '../../ml/onnx/foreign-model.js';
import type { TensorData } from '../../ml/onnx/session.js';
import { uniformOf } from '../../ml/random.js';
import type { JobContext } from './context.js';
import { type ModelRows, takeRows } from './model-rows.js';
import { type RunnableModel, withModel } from './model-scoring.js';

/** Rows spread evenly over the holdout. */
const SAMPLE_ROWS = 5_000;

const LOSSES = { binary: 'log_loss', multiclass: 'log_loss', regression: 'rmse' } as const satisfies Record<
  string,
  MetricName
>;

/** Inputs in the order of the plan; those that cannot be missing are only shuffled. None for a model without a loss as it is. */
export async function measureRobustness(
  context: JobContext,
  { bundle, holdout, seed }: { bundle: Bundle; holdout: ModelRows; seed: number },
): Promise<RobustnessResult[]> {
  const graphs = await Promise.all(bundle.graphs.map((graph) => context.artifacts.get(graph)));
  const model: RunnableModel = { task: bundle.task, classes: bundle.classes, graphs };
  const sample = sampleOf(holdout);
  return withModel(context, model, async (score) => {
    const lossOf = async (rows: Sample): Promise<number | null> => lossOfScores(await score(rows), rows, bundle);
    const before = await lossOf(sample);
    if (before === null) return [];
    const results: RobustnessResult[] = [];
    for (const { input, change, data } of variantsOf(bundle, sample, seed)) {
      const after = await lossOf({ ...sample, columns: { ...sample.columns, [input]: data } });
      const drop = after === null ? null : after - before;
      results.push({ input, change, metric: LOSSES[bundle.task], before, after, drop });
    }
    return results;
  });
}

interface Variant extends Pick<RobustnessResult, 'input' | 'change'> {
  readonly data: TensorData;
}

function variantsOf({ plan }: Bundle, { columns }: Sample, seed: number): Variant[] {
  return plan.inputs.flatMap(({ name: input, nullable, datatype }): Variant[] => {
    const data = columns[input];
    if (data === undefined) return [];
    const shuffledOnes: Variant = { input, change: 'shuffled', data: shuffled(data, seed) };
    if (!nullable || datatype === 'INT64') return [shuffledOnes];
    return [shuffledOnes, { input, change: 'missing', data: missing(data) }];
  });
}

type Sample = Pick<ModelRows, 'rows' | 'labels' | 'weights' | 'columns'>;

function sampleOf({ rows, labels, weights, columns }: ModelRows): Sample {
  const size = Math.min(rows, SAMPLE_ROWS);
  const chosen = Array.from({ length: size }, (_unused, position) => Math.floor((position * rows) / size));
  return {
    rows: size,
    labels: takeFloats(labels, chosen),
    ...(weights && { weights: takeFloats(weights, chosen) }),
    columns: takeRows(columns, chosen),
  };
}

/** Null where the model has no usable answer. */
function lossOfScores(scores: Float32Array, { rows, labels, weights }: Sample, bundle: Bundle): number | null {
  // A model that was not made here may have no answer without an input.
  if (scoreProblem(scores, bundle) !== null) return null;
  const predictions = predictionsOf(bundle, scores);
  const statistic = statisticOf({ predictions, labels, weights, threshold: bundle.decisionThreshold });
  const loss = measureOnce(statistic, rows)(LOSSES[bundle.task]);
  return Number.isFinite(loss) ? loss : null;
}

/** Values in a random order that is the same for the same seed and number of rows. */
function shuffled(data: TensorData, seed: number): TensorData {
  const order = Array.from({ length: data.length }, (_unused, row) => row);
  for (let row = order.length - 1; row > 0; row -= 1) {
    const other = Math.floor(uniformOf(seed, row) * (row + 1));
    [order[row], order[other]] = [order[other] as number, order[row] as number];
  }
  return takeRows({ data }, order)['data'] ?? data;
}

function missing(data: TensorData): TensorData {
  return Array.isArray(data) ? data.map(() => '') : new Float32Array(data.length).fill(Number.NaN);
}
