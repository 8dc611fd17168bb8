/** Features computed at request time by the graph that training ran as well: the expressions of a plan, without a model. */
import type { FrozenView } from '../domain/bundle.js';
import { DomainError } from '../domain/errors.js';
import type { FeaturePlan } from '../domain/features.js';
import { columnsOf } from '../ml/features/expression/ast.js';
import { parseExpression } from '../ml/features/expression/parse.js';
import { compilePrefix, FEATURES_OUTPUT } from '../ml/features/plan.js';
import { createSession } from '../ml/onnx/session.js';
import { encodeModel } from '../ml/onnx/writer.js';
import { compileFeatureInputs, type PlannedRows } from './feature-plan.js';

export interface ComputedFeatures {
  /** One array for each feature of the plan, in its order; NaN where an expression has no value. */
  compute(rows: Omit<PlannedRows, 'rows'>): Promise<readonly Float32Array[]>;
  /** Frees the native session; nothing may be computed afterwards. */
  release(): Promise<void>;
}

/** Only the inputs that the features read need to come. Throws `PRN_ONNX_INVALID`. */
export async function openComputedFeatures(plan: FeaturePlan, views: readonly FrozenView[]): Promise<ComputedFeatures> {
  const used = new Set(plan.features.flatMap(({ expression }) => columnsOf(parseExpression(expression))));
  // A feature of constants still needs an input to know the number of rows.
  const inputs = plan.inputs.filter(({ name }, index) => used.has(name) || (used.size === 0 && index === 0));
  const part = { ...plan, inputs };
  const session = await createSession(encodeModel(compilePrefix(part)));
  const feeds = compileFeatureInputs({ plan: part, views });
  const width = plan.features.length;
  return {
    async compute(rows) {
      const { [FEATURES_OUTPUT]: matrix } = await session.run(feeds.assemble({ ...rows, rows: null }), [
        FEATURES_OUTPUT,
      ]);
      if (!(matrix instanceof Float32Array))
        throw new DomainError('PRN_ONNX_INVALID', { problem: `${FEATURES_OUTPUT} is not FP32` });
      return plan.features.map((_feature, column) =>
        Float32Array.from({ length: rows.request.rows }, (_unused, row) => matrix[row * width + column] ?? Number.NaN),
      );
    },
    release: () => session.release(),
  };
}
