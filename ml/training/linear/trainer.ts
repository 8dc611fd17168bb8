/** Trains linear and logistic models, and turns their coefficients into the units of the features. */
import type { Task } from '../../../domain/task.js';
import { checkLabels } from '../labels.js';
import { factorVariance } from '../solve.js';
import type { DesignColumn } from './design.js';
import type { Fit, LinearInput } from './fit.js';
import { fitLeastSquares } from './least-squares.js';
import type { CategoryWeights, Coefficient, LinearModel } from './linear-model.js';
import { fitLogistic } from './logistic.js';
import { fitMultinomial } from './multinomial.js';
import { twoSided } from './significance.js';

/**
 * Least squares for values, logistic for two classes, multinomial for several. Standard errors are those of the ridge
 * estimate, A⁻¹·I·A⁻¹: with a ridge they tell its spread, not its bias. Throws what {@link checkLabels} throws and
 * `PRN_TRAINING_DIVERGED`.
 */
export function trainLinear(input: LinearInput & { readonly task: Task }): LinearModel {
  checkLabels(input.task, input);
  return toModel(input, FITS[input.task](input));
}

const FITS: Readonly<Record<Task, (input: LinearInput) => Fit>> = {
  binary: fitLogistic,
  multiclass: fitMultinomial,
  regression: fitLeastSquares,
};

function toModel(
  { task, columns: featureCount, outputs }: LinearInput & { readonly task: Task },
  fit: Fit,
): LinearModel {
  const coefficients = reportCoefficients(fit, outputs);
  const weights = new Float64Array(featureCount * outputs);
  const missing = new Float64Array(featureCount * outputs);
  const intercepts = new Float64Array(outputs);
  for (const { part, feature, output, estimate } of coefficients) {
    if (part === 'intercept') intercepts[output] = estimate;
    else if (part === 'value') weights[feature * outputs + output] = estimate;
    else if (part === 'missing') missing[feature * outputs + output] = estimate;
  }
  const categories = categoriesOf(coefficients, { outputs, missing });
  return {
    task,
    featureCount,
    outputs,
    intercepts,
    weights,
    missing,
    means: fit.design.means,
    categories,
    coefficients,
    iterations: fit.iterations,
    converged: fit.converged,
  };
}

/** Moves what categorical features add where they are missing to the categories. */
function categoriesOf(
  coefficients: readonly Coefficient[],
  { outputs, missing }: { outputs: number; missing: Float64Array },
): CategoryWeights[] {
  const features = [...new Set(coefficients.filter(({ part }) => part === 'category').map(({ feature }) => feature))];
  return features.map((feature) => {
    const own = coefficients.filter((each) => each.part === 'category' && each.feature === feature);
    const codes = [...new Set(own.map(({ code = 0 }) => code))];
    const weights = new Float64Array(codes.length * outputs);
    for (const { code = 0, output, estimate } of own) weights[codes.indexOf(code) * outputs + output] = estimate;
    const slots = missing.subarray(feature * outputs, (feature + 1) * outputs);
    const whenMissing = Float64Array.from(slots);
    slots.fill(0);
    return { feature, codes: Float32Array.from(codes), weights, missing: whenMissing };
  });
}

function reportCoefficients(fit: Fit, outputs: number): Coefficient[] {
  const { design } = fit;
  return Array.from({ length: outputs }, (_unused, output) =>
    design.columns.map((column, index) => reportCoefficient(fit, { output, column, index })),
  ).flat();
}

/** A coefficient is a sum of those of the design: itself over the deviation, or for the intercept itself less all means. */
function reportCoefficient(
  { design, coefficients, covariance }: Fit,
  { output, column, index }: { output: number; column: DesignColumn; index: number },
): Coefficient {
  const base = output * design.width;
  const combination = new Float64Array(coefficients.length);
  combination[base + index] = column.part === 'value' ? 1 / column.deviation : 1;
  if (column.part === 'intercept')
    for (const [other, each] of design.columns.entries())
      if (each.part === 'value') combination[base + other] = -each.mean / each.deviation;
  let estimate = 0;
  for (let at = base; at < base + design.width; at += 1)
    estimate += (combination[at] as number) * (coefficients[at] as number);
  const aliased = covariance?.factor.aliased[base + index] === 1;
  const variance =
    covariance === null || aliased
      ? Number.NaN
      : covariance.scale * factorVariance(covariance.factor, covariance.information, combination);
  const known = Number.isFinite(variance) && variance > 0;
  return {
    output,
    feature: column.feature,
    part: column.part,
    ...(column.part === 'category' && { code: column.code }),
    estimate,
    standardError: known ? Math.sqrt(variance) : null,
    pValue: known ? twoSided(estimate / Math.sqrt(variance), covariance?.degreesOfFreedom ?? Infinity) : null,
  };
}
