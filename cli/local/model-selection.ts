/** The features that a model reads, in its order and under its names: of views, of the spine itself, and computed ones. */
import type { ModelFeature, ModelInput } from '../../domain/features.js';
import { useName, viewUses } from '../../domain/model.js';
import type { PinnedView } from '../../domain/training.js';
import { checkExpression } from '../../ml/features/expression/check.js';
import { renderFeatureSql } from '../../ml/features/expression/feature-sql.js';
import { featureTypes } from '../../ml/features/feature-row-sql.js';
import { modelInputs } from '../../ml/features/model-inputs.js';
import { inputTypes } from '../../ml/features/plan.js';
import type { ComputedFeature, SelectedView, Selection } from './feature-selection.js';
import type { LocalResources } from './resources.js';
import { USUAL_TIME_COLUMNS } from './spine.js';

/** Throws `PRN_RESOURCE_NOT_FOUND`, `PRN_RESOURCE_REFERENCE` or `PRN_EXPRESSION_INVALID`. */
export function selectModel(resources: LocalResources, name: string): Selection {
  const { spec } = resources.require('Model', name);
  const dataset = resources.require('Dataset', spec.spine.dataset).spec;
  const pinned = [...new Set(viewUses(spec).map(({ view }) => view))].map((view) => pinView(resources, view));
  const { inputs, features } = modelInputs(spec, dataset, pinned);
  const request = inputs.flatMap(({ source }) => (source.kind === 'request' ? [source.column] : []));
  const types = new Map(dataset.columns.map((column) => [column.name, column.type]));
  const isRequest = ({ expression }: ModelFeature): boolean => request.includes(expression);
  return {
    usualTimes: [spec.spine.eventTime, ...USUAL_TIME_COLUMNS],
    views: viewUses(spec).map(({ use, view, keys }) => selectedView(resources, { use, view, keys, inputs })),
    leftOut: [],
    request: request.map((column) => ({ column, type: types.get(column) ?? 'float' })),
    computed: features.flatMap((feature) => computedFeature(feature, inputs)),
    outputs: features.filter((feature) => !isRequest(feature)).map((feature) => feature.name),
  };
}

/** As a snapshot pins it, but of no version: there is only the one in the files. */
function pinView(resources: LocalResources, view: string): PinnedView {
  const { spec } = resources.require('FeatureView', view);
  const dataset = resources.require('Dataset', spec.dataset).spec;
  const types = Object.fromEntries(featureTypes(spec, dataset).map(({ name, type }) => [name, type]));
  const entity = spec.entity === undefined ? null : resources.require('Entity', spec.entity).spec;
  return { view, revision: 1, spec, entity, types, throughSeq: 0, sinceSeq: 0, datasetVersionId: '' };
}

function selectedView(
  resources: LocalResources,
  wanted: { use: string; view: string; keys: Readonly<Record<string, string>>; inputs: readonly ModelInput[] },
): SelectedView {
  const { use, view, keys, inputs } = wanted;
  const { spec } = resources.require('FeatureView', view);
  const entityKeys = spec.entity === undefined ? [] : resources.require('Entity', spec.entity).spec.keys;
  return {
    use,
    spec,
    keys: entityKeys.map((key) => ({ key, column: keys[key.name] ?? key.name, entity: spec.entity ?? view })),
    features: inputs.flatMap(({ name, source }) =>
      source.kind === 'view' && useName(source) === use ? [{ feature: source.feature, output: name }] : [],
    ),
  };
}

/** Nothing for a feature that is an input as it is. */
function computedFeature({ name, expression }: ModelFeature, inputs: readonly ModelInput[]): ComputedFeature[] {
  if (inputs.some((input) => input.name === expression)) return [];
  const columns = inputTypes(inputs);
  const { tree } = checkExpression(expression, columns);
  return [{ name, sql: renderFeatureSql(tree, { text: expression, columns }) }];
}
