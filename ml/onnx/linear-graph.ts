/** A linear model as nodes of a graph, in float64: coefficients of large features cancel each other. */
import type { CategoryWeights, LinearModel } from '../training/linear/linear-model.js';
import type { GraphBuilder } from './graph-builder.js';

/** Adds the model behind the matrix `features`, FP32 [N,F]; returns the raw scores, FP32 [N,K]. */
export function addLinear(builder: GraphBuilder, features: string, model: LinearModel): string {
  const { featureCount, outputs, intercepts, weights, means, missing, categories } = model;
  const isMissing = builder.node('Or', [builder.node('IsNaN', [features]), builder.node('IsInf', [features])]);
  const known = builder.node('Where', [
    isMissing,
    builder.constant('DOUBLE', [...means], [1, featureCount]),
    builder.cast(features, 'DOUBLE'),
  ]);
  const parts = [
    multiply(builder, known, { table: weights, outputs }),
    multiply(builder, builder.cast(isMissing, 'DOUBLE'), { table: missing, outputs }),
    ...categories.flatMap((category) => addCategory(builder, { features, isMissing }, { category, outputs })),
  ];
  const sum = parts.reduce(
    (partial, part) => builder.node('Add', [partial, part]),
    builder.constant('DOUBLE', [...intercepts], [1, outputs]),
  );
  return builder.cast(sum, 'FLOAT');
}

function multiply(
  builder: GraphBuilder,
  input: string,
  { table, outputs }: { table: Float64Array; outputs: number },
): string {
  return builder.node('MatMul', [input, builder.constant('DOUBLE', [...table], [table.length / outputs, outputs])]);
}

function addCategory(
  builder: GraphBuilder,
  { features, isMissing }: { features: string; isMissing: string },
  { category, outputs }: { category: CategoryWeights; outputs: number },
): string[] {
  const { feature, codes, weights, missing } = category;
  const column = builder.constant('INT64', [feature], [1]);
  const pick = (matrix: string): string =>
    builder.node('Gather', [matrix, column], { attributes: { axis: { kind: 'int', value: 1 } } });
  const lacking = builder.cast(pick(isMissing), 'DOUBLE');
  const whenMissing = multiply(builder, lacking, { table: missing, outputs });
  if (codes.length === 0) return [whenMissing];
  const equal = builder.node('Equal', [pick(features), builder.constant('FLOAT', [...codes], [1, codes.length])]);
  return [multiply(builder, builder.cast(equal, 'DOUBLE'), { table: weights, outputs }), whenMissing];
}
