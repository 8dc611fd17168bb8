/** Whom a challenger is compared with: the champion as it is served, and named baselines fitted on training rows. */
import type { Bundle } from '../../domain/bundle.js';
import type { FeaturePlan } from '../../domain/features.js';
import { type Baseline, baselineName } from '../../domain/gates.js';
import type { ModelSpec } from '../../domain/model.js';
import type { TaskShape } from '../../domain/task.js';
import { baselineKeys, fitBaseline, predictBaseline } from '../../ml/evaluation/baselines.js';
import { chooseThreshold } from '../../ml/evaluation/decision-threshold.js';
import { type Predictions, predictionsOf } from '../../ml/evaluation/predictions.js';
import { scoreProblem } from '../../ml/onnx/foreign-model.js';
import type { JobContext } from './context.js';
import { inputNames, type ModelRows } from './model-rows.js';
import { computeFeatures, scoreBundle } from './model-scoring.js';

/** What was predicted for the holdout rows, and the threshold a binary prediction is decided at. */
export interface Contestant {
  readonly predictions: Predictions;
  readonly threshold: number;
}

export type Champion =
  | (Contestant & { readonly state: 'scored' })
  | { readonly state: 'none' }
  /** It cannot answer the same rows; `reason` says why. */
  | { readonly state: 'not_comparable'; readonly reason: string };

/** The champion's own graphs on the same rows, which have those of its inputs that the dataset holds. */
export async function scoreChampion(
  context: JobContext,
  holdout: Pick<ModelRows, 'rows' | 'columns'>,
  { champion, shape }: { champion: Bundle | null; shape: TaskShape },
): Promise<Champion> {
  if (champion === null) return { state: 'none' };
  if (champion.task !== shape.task)
    return { state: 'not_comparable', reason: `the champion answers another task (${champion.task})` };
  if (champion.classes.join('\n') !== shape.classes.join('\n'))
    return { state: 'not_comparable', reason: `the champion knows other classes (${champion.classes.length} of them)` };
  const names = inputNames(champion.plan.inputs);
  const missing = names.filter((name) => holdout.columns[name] === undefined);
  if (missing.length > 0) {
    const reason = `the champion reads ${missing.join(', ')}, which the training dataset of this run does not hold`;
    return { state: 'not_comparable', reason };
  }
  const scores = await scoreBundle(context, champion, holdout);
  const problem = scoreProblem(scores, shape);
  if (problem !== null)
    return { state: 'not_comparable', reason: `the champion cannot answer this holdout: ${problem}` };
  return { state: 'scored', predictions: predictionsOf(shape, scores), threshold: champion.decisionThreshold };
}

/** The baselines that gates or the evaluation ask for, each once. */
export function baselinesOf({ gates, evaluation }: Pick<ModelSpec, 'gates' | 'evaluation'>): Baseline[] {
  const asked = gates.flatMap((gate) => ('against' in gate && gate.against !== 'champion' ? [gate.against] : []));
  return [...new Map([...asked, ...evaluation.baselines].map((each) => [baselineName(each), each])).values()];
}

/** Baselines by name. */
export async function scoreBaselines(
  context: JobContext,
  source: {
    spec: Pick<ModelSpec, 'gates' | 'evaluation'>;
    bundle: Bundle;
    train: ModelRows;
    holdout: ModelRows;
  },
): Promise<ReadonlyMap<string, Contestant>> {
  const { spec, bundle, train, holdout } = source;
  const { costs } = spec.evaluation;
  const scored = new Map<string, Contestant>();
  for (const baseline of baselinesOf(spec)) {
    const keysOf = async (rows: ModelRows): Promise<ArrayLike<number>> => {
      const values =
        baseline.column === undefined
          ? null
          : await columnValues(context, { ...bundle, column: baseline.column }, rows);
      return baselineKeys(baseline, { eventTs: rows.eventTs, values });
    };
    const keys = await keysOf(train);
    const table = fitBaseline(baseline, { keys, labels: train.labels, weights: train.weights }, bundle);
    const fitted = predictBaseline(table, keys, bundle);
    scored.set(baselineName(baseline), {
      predictions: predictBaseline(table, await keysOf(holdout), bundle),
      threshold:
        fitted.task === 'binary'
          ? chooseThreshold({
              probabilities: fitted.probabilities,
              labels: train.labels,
              weights: train.weights,
              costs,
            })
          : 0.5,
    });
  }
  return scored;
}

/** Values of one column by row: of the model's feature of that name, or of the input itself; text as its code. */
export function columnValues(
  context: Pick<JobContext, 'progress' | 'signal'>,
  { plan, column }: { readonly plan: FeaturePlan; readonly column: string },
  rows: ModelRows,
): Promise<Float32Array> {
  const feature = plan.features.find(({ name }) => name === column) ?? { name: column, expression: column };
  return computeFeatures(context, { ...plan, features: [feature] }, rows);
}
