/** Which features are asked for, of which views, with which keys of the spine, and what they are called in the answer. */
import type { ColumnType } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import { outputNames, parseFeatureName } from '../../domain/feature-names.js';
import type { FeatureViewSpec } from '../../domain/feature-view.js';
import { didYouMean } from '../../domain/names.js';
import type { ResourceOf } from '../../domain/resources.js';
import type { LocalResources } from './resources.js';
import type { KeyColumn } from './spine.js';

/** A view as it is joined once. */
export interface SelectedView {
  /** The view's name, or the alias it has in a model. */
  readonly use: string;
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

/** A column of the spine that computed features read, and its declared type. */
export interface RequestColumn {
  readonly column: string;
  readonly type: ColumnType;
}

/** A feature made of others after the join. */
export interface ComputedFeature {
  readonly name: string;
  /** REAL, over columns of the spine and outputs of views. */
  readonly sql: string;
}

export interface Selection {
  /** In the order in which they were first asked for. */
  readonly views: readonly SelectedView[];
  /** Views that nobody asked for by name and whose dataset has no file. */
  readonly leftOut: readonly string[];
  readonly request: readonly RequestColumn[];
  readonly computed: readonly ComputedFeature[];
  /** What the answer has beside the spine's own columns, in its order. */
  readonly outputs: readonly string[];
  /** Names of the time of the question, the usual ones if undefined. */
  readonly usualTimes?: readonly string[];
}

/**
 * In the order asked for, features without a name in the order their view declares them. Throws
 * `PRN_RESOURCE_NOT_FOUND` or `PRN_FEATURE_UNKNOWN` with the nearest name, and `PRN_FEATURE_NAME_CLASH`.
 */
export function selectFeatures(resources: LocalResources, request: SelectionRequest): Selection {
  const all = resources.all('FeatureView');
  const readable = all.filter(({ spec }) => request.datasets.includes(spec.dataset)).map(nameOf);
  const wanted = new Map<string, Set<string>>();
  for (const text of request.features ?? readable) {
    const { view: name, feature } = parseFeatureName(text);
    const view = resources.require('FeatureView', name);
    const features = [...(wanted.get(name) ?? []), ...requireFeatures(view, feature)];
    wanted.set(name, new Set(features));
  }
  if (wanted.size === 0) throw nothingToCompute(all);
  const pairs = [...wanted].flatMap(([use, features]) => [...features].map((feature) => ({ use, feature })));
  const names = outputNames(pairs, request.fullNames);
  const outputs = pairs.map((pair, index) => ({ ...pair, output: names[index] ?? pair.feature }));
  const views = [...wanted.keys()].map((use) => {
    const { spec } = resources.require('FeatureView', use);
    return { use, spec, keys: keysOf(resources, spec), features: outputs.filter((each) => each.use === use) };
  });
  const leftOut = request.features === undefined ? all.map(nameOf).filter((name) => !wanted.has(name)) : [];
  return { views, leftOut, request: [], computed: [], outputs: outputs.map(({ output }) => output) };
}

function nameOf({ metadata }: ResourceOf<'FeatureView'>): string {
  return metadata.name;
}

function requireFeatures({ metadata, spec }: ResourceOf<'FeatureView'>, feature: string | undefined): string[] {
  const known = spec.features.map(({ name }) => name);
  if (feature === undefined) return known;
  if (known.includes(feature)) return [feature];
  throw new DomainError('PRN_FEATURE_UNKNOWN', {
    view: metadata.name,
    feature,
    hint: didYouMean(feature, known),
    known: known.join(', '),
  });
}

function nothingToCompute(all: readonly ResourceOf<'FeatureView'>[]): DomainError {
  const there = all.map(({ metadata, spec }) => `${metadata.name} reads ${spec.dataset}`).join(', ');
  return new DomainError('PRN_RESOURCE_NOT_FOUND', {
    kind: 'FeatureView',
    name: 'that reads one of the given tables',
    hint: there === '' ? '' : `; ${there}: give its rows with --table`,
  });
}

function keysOf(resources: LocalResources, { entity }: FeatureViewSpec): KeyColumn[] {
  if (entity === undefined) return [];
  const { keys } = resources.require('Entity', entity).spec;
  return keys.map((key) => ({ key, column: key.name, entity }));
}

/** Throws `PRN_SPINE_INVALID` where a feature would have the name of a column of the spine, which letters' case does not tell apart. */
export function requireFreeNames(path: string, outputs: readonly string[], columns: readonly string[]): void {
  const taken = new Set(columns.map((name) => name.toLowerCase()));
  const clash = outputs.find((output) => taken.has(output.toLowerCase()));
  if (clash === undefined) return;
  const problem = `its column ${clash} has the name of a feature; rename it, or ask for full names`;
  throw new DomainError('PRN_SPINE_INVALID', { path, problem, columns: columns.join(', ') });
}
