/** Raises alarms where a feature tells the label, or where training and holdout share what they must not. */
import type { Bundle } from '../../domain/bundle.js';
import type { Alarm } from '../../domain/evaluation.js';
import type { ModelSpec } from '../../domain/model.js';
import { alarmOfFeature, alarmsOfSplit, qualityAlone } from '../../ml/evaluation/leakage.js';
import { columnsOf } from '../../ml/features/expression/ast.js';
import { categoricalFeatures } from '../../ml/features/plan.js';
import { parseExpression } from '../../ml/features/expression/parse.js';
import type { JobContext } from './context.js';
import type { ModelRows } from './model-rows.js';
import { columnOf } from './slice-metrics.js';

/** Rows with their features, row-major. */
export interface FeatureRows {
  readonly rows: ModelRows;
  readonly matrix: Float32Array;
}

export function raiseAlarms(
  { signal }: Pick<JobContext, 'signal'>,
  source: { spec: ModelSpec; bundle: Bundle; train: FeatureRows; holdout: FeatureRows },
): Alarm[] {
  const { spec, bundle, train, holdout } = source;
  const { features } = bundle.plan;
  const partOf = ({ rows, matrix }: FeatureRows, position: number) => ({
    values: columnOf(matrix, position, features.length),
    labels: rows.labels,
    weights: rows.weights,
  });
  const categorical = new Set(categoricalFeatures(bundle.plan));
  const alone = features.flatMap(({ name }, position) => {
    signal.throwIfAborted();
    if (spec.evaluation.trusted.includes(name)) return [];
    const feature = {
      train: partOf(train, position),
      holdout: partOf(holdout, position),
      isCategorical: categorical.has(position),
    };
    const alarm = alarmOfFeature(name, qualityAlone(feature, bundle), bundle);
    return alarm === null ? [] : [alarm];
  });
  return [...alone, ...declaredAlarms(spec, bundle), ...alarmsOfSplit(train.rows, holdout.rows, 'train' in spec.split)];
}

/** A column of the spine that the label is made of, and that callers would have to send before it is known. */
function declaredAlarms({ label, evaluation }: ModelSpec, { plan }: Bundle): Alarm[] {
  const used = columnsOf(parseExpression(label.expression));
  return plan.inputs.flatMap(({ source }): Alarm[] => {
    if (source.kind !== 'request' || !used.includes(source.column) || evaluation.trusted.includes(source.column))
      return [];
    const explanation =
      `the label is made of ${source.column}, which is also an input of the model; ` +
      'if it is known when the model is asked, add it to evaluation.trusted';
    return [{ kind: 'target_in_features', subject: source.column, value: 1, limit: 0, explanation }];
  });
}
