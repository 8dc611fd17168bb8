/** What is reported of a fitted model, in the names of its features. */
import type { FeaturePlan } from '../../domain/features.js';
import { KEPT_TERMS, type CoefficientReport, type ModelFit } from '../../domain/model-fit.js';
import { categoriesOfFeature } from '../features/plan.js';
import { gainImportance } from './importance.js';
import type { Coefficient, LinearModel } from './linear/linear-model.js';
import type { TrainedForm } from './trained-form.js';
import type { TreeEnsemble } from './tree-ensemble.js';

export interface FitNames {
  readonly plan: FeaturePlan;
  /** Of a multiclass model; empty otherwise. */
  readonly classes: readonly string[];
}

/** Null of baselines, which are nothing but answers. */
export function reportFit(form: TrainedForm, names: FitNames): ModelFit | null {
  if (form.kind === 'trees') return reportTrees(form.ensemble, names);
  return form.kind === 'linear' ? reportLinear(form.model, names) : null;
}

function reportTrees(ensemble: TreeEnsemble, { plan }: FitNames): ModelFit {
  const shares = Array.from(gainImportance(ensemble), (share, index) => ({
    feature: plan.features[index]?.name ?? '',
    share,
  }));
  const used = shares.filter(({ share }) => share > 0).sort((left, right) => right.share - left.share);
  return {
    kind: 'trees',
    trees: ensemble.trees.length,
    usedFeatures: used.length,
    importance: used.slice(0, KEPT_TERMS),
  };
}

function reportLinear({ coefficients, iterations, converged }: LinearModel, names: FitNames): ModelFit {
  const reported = coefficients.map((coefficient): CoefficientReport => {
    const { estimate, standardError, pValue } = coefficient;
    return { term: termOf(coefficient, names), estimate, standardError, pValue };
  });
  return {
    kind: 'linear',
    terms: reported.length,
    coefficients: reported.sort((left, right) => distanceOf(right) - distanceOf(left)).slice(0, KEPT_TERMS),
    iterations,
    converged,
  };
}

/** From 0, in standard errors. */
function distanceOf({ estimate, standardError }: CoefficientReport): number {
  return standardError === null ? -1 : Math.abs(estimate) / standardError;
}

function termOf({ part, feature, code, output }: Coefficient, { plan, classes }: FitNames): string {
  const name = plan.features[feature]?.name ?? '';
  const category = part === 'category' ? categoriesOfFeature(plan, feature)[code ?? -1] : undefined;
  const term = {
    intercept: 'intercept',
    value: name,
    missing: `${name} missing`,
    category: `${name} = ${category ?? 'unknown'}`,
  }[part];
  return classes.length === 0 ? term : `${term} → ${classes[output] ?? ''}`;
}
