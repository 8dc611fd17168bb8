/** What gates and evaluation of a model refer to: metrics its task has, and columns that exist. */
import { DomainError } from './errors.js';
import { fullFeatureName } from './feature-names.js';
import { TASK_METRICS } from './metrics.js';
import { type ModelSpec, useName } from './model.js';
import { splitColumns } from './split.js';

type RequireIn = (known: readonly string[], name: string, at: { field: string; kind: string }) => void;

/** `columns` are those of the spine, `featuresOf` the names of a view's features. Throws `PRN_RESOURCE_…`. */
export function checkEvaluation(
  { model, spec }: { readonly model: string; readonly spec: ModelSpec },
  known: { readonly columns: readonly string[]; readonly featuresOf: (view: string) => readonly string[] },
  requireIn: RequireIn,
): void {
  const { gates, evaluation, task, split } = spec;
  const metrics = TASK_METRICS[task].filter((metric) => metric !== 'cost' || evaluation.costs !== undefined);
  const features = spec.features.flatMap((feature) => {
    if ('request' in feature) return [feature.request];
    if ('expression' in feature) return [feature.name];
    const names = feature.feature === undefined ? known.featuresOf(feature.view) : [feature.feature];
    return names.map((name) => fullFeatureName({ use: useName(feature), feature: name }));
  });
  const readable = [...features, ...known.columns];
  for (const [index, gate] of gates.entries()) {
    const field = `spec.gates[${index}]`;
    requireIn(metrics, gate.metric, { field, kind: `${task} metric` });
    if ('slice' in gate) requireIn(readable, gate.slice, { field, kind: 'column' });
    if ('against' in gate && gate.against !== 'champion' && gate.against.column !== undefined)
      requireIn(features, gate.against.column, { field, kind: 'feature' });
  }
  for (const column of evaluation.slices)
    requireIn(readable, column, { field: 'spec.evaluation.slices', kind: 'column' });
  for (const { column } of evaluation.baselines)
    if (column !== undefined) requireIn(features, column, { field: 'spec.evaluation.baselines', kind: 'feature' });
  if (evaluation.blocks !== 'group' || splitColumns(split).length > 0) return;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `Model ${model}, spec.evaluation.blocks`,
    problem: 'there are no groups to draw, since the split is by time',
    remedy: 'Split by group or by the hash of a key, or draw days or rows.',
  });
}
