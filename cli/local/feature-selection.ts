/** Which features are asked for, of which views, with which keys of the spine, and what they are called in the answer. */
import { DomainError } from '../../domain/errors.js';
import type { FeatureViewSpec } from '../../domain/feature-view.js';
import { didYouMean } from '../../domain/names.js';
import type { ResourceOf } from '../../domain/resources.js';
import { viewInputName } from '../../ml/features/model-inputs.js';
import type { LocalResources } from './resources.js';
import type { KeyColumn } from './spine.js';

/** A view as it is joined once. */
export interface SelectedView {
  /** The view's name, or the alias it has in a model. */
  readonly name: string;
  readonly spec: FeatureViewSpec;
  readonly keys: readonly KeyColumn[];
  readonly features: readonly { readonly feature: string; readonly output: string }[];
}

export interface SelectionRequest {
  /** `view` or `view:feature`; undefined for all views of the datasets that files are given for. */
  readonly features: readonly string[] | undefined;
  /** Datasets with a file. */
  readonly datasets: readonly string[];
  readonly fullNames: boolean;
}

export interface Selection {
  readonly views: readonly SelectedView[];
  /** Views that nobody asked for by name and whose dataset has no file. */
  readonly leftOut: readonly string[];
}

/**
 * In the order asked for, features without a name in the order their view declares them. Throws
 * `PRN_RESOURCE_NOT_FOUND` or `PRN_RESOURCE_REFERENCE` with the nearest name, and `PRN_FEATURE_NAME_CLASH`.
 */
export function selectFeatures(resources: LocalResources, request: SelectionRequest): Selection {
  const { features, datasets, fullNames } = request;
  const all = resources.all('FeatureView');
  const chosen = all.filter(({ spec }) => datasets.includes(spec.dataset)).map(({ metadata }) => metadata.name);
  const wanted = new Map<string, string[]>();
  for (const text of features ?? chosen) {
    const [viewName = '', feature] = text.split(':');
    const view = resources.require('FeatureView', viewName.trim());
    const names = wanted.get(view.metadata.name) ?? [];
    wanted.set(view.metadata.name, [...names, ...requireFeatures(view, feature?.trim())]);
  }
  if (wanted.size === 0)
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', {
      kind: 'FeatureView',
      name: 'that reads one of the given tables',
      hint: `; there are ${all.map(({ metadata, spec }) => `${metadata.name} (of ${spec.dataset})`).join(', ') || 'none'}`,
    });
  const views = [...wanted].map(([name, names]) => {
    const { spec } = resources.require('FeatureView', name);
    const output = (feature: string): string => (fullNames ? viewInputName(name, feature) : feature);
    const outputs = [...new Set(names)].map((feature) => ({ feature, output: output(feature) }));
    return { name, spec, keys: keysOf(resources, spec), features: outputs };
  });
  const leftOut = features === undefined ? all.map(({ metadata }) => metadata.name) : [];
  return { views, leftOut: leftOut.filter((name) => !wanted.has(name)) };
}

function requireFeatures({ metadata, spec }: ResourceOf<'FeatureView'>, feature: string | undefined): string[] {
  const known = spec.features.map(({ name }) => name);
  if (feature === undefined) return known;
  if (known.includes(feature)) return [feature];
  const hint = `${didYouMean(feature, known)}; it has ${known.join(', ')}`;
  throw new DomainError('PRN_RESOURCE_REFERENCE', {
    where: `${metadata.name}:${feature}`,
    kind: `feature of ${metadata.name}`,
    name: feature,
    hint,
  });
}

function keysOf(resources: LocalResources, { entity }: FeatureViewSpec): KeyColumn[] {
  if (entity === undefined) return [];
  const { keys } = resources.require('Entity', entity).spec;
  return keys.map((key) => ({ key, column: key.name, entity }));
}

/** Throws `PRN_FEATURE_NAME_CLASH` where two columns of the answer would have one name; letters' case does not tell them apart. */
export function requireDistinctOutputs(views: readonly SelectedView[], spineColumns: readonly string[]): void {
  const owners = new Map(spineColumns.map((name) => [name.toLowerCase(), 'the spine']));
  for (const { name: view, features } of views) {
    for (const { output } of features) {
      const owner = owners.get(output.toLowerCase());
      if (owner !== undefined)
        throw new DomainError('PRN_FEATURE_NAME_CLASH', { name: output, first: owner, second: `view ${view}` });
      owners.set(output.toLowerCase(), `view ${view}`);
    }
  }
}
