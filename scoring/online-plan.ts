/**
 * What a request for online features means, worked out once: the views to read and by which keys, and where each feature
 * of the answer comes from. Made from declared views, or from a model version, whose features are frozen.
 */
import type { Bundle, FrozenView, RequestField } from '../domain/bundle.js';
import type { DatasetSpec } from '../domain/dataset.js';
import { durationMicros } from '../domain/duration.js';
import { DomainError } from '../domain/errors.js';
import { outputNames } from '../domain/feature-names.js';
import type { EntityKey, FeatureType, FeatureViewSpec } from '../domain/feature-view.js';
import type { FeaturePlan, ModelInput } from '../domain/features.js';
import { useName, type ViewReference } from '../domain/model.js';
import { didYouMean } from '../domain/names.js';
import { columnsOf } from '../ml/features/expression/ast.js';
import { parseExpression } from '../ml/features/expression/parse.js';
import { featureTypes } from '../ml/features/feature-row-sql.js';
import { type ComputedFeatures, openComputedFeatures } from './computed-features.js';

/** Unknown names that a message lists. */
const MAX_NAMED = 20;

export type PlannedFeature = { readonly name: string; readonly type: FeatureType } & (
  | { readonly kind: 'view'; readonly use: number; readonly feature: string }
  | { readonly kind: 'request'; readonly field: string }
  | { readonly kind: 'computed'; readonly inputs: readonly ModelInput[] }
);

export interface OnlinePlan {
  /** The version whose features these are. */
  readonly service: { readonly model: string; readonly version: number } | null;
  /** One for each use; `request` of a key is the name under which callers send it. */
  readonly views: readonly FrozenView[];
  /** Views of which most features are wanted: reading whole rows is cheaper than picking from them. */
  readonly whole: ReadonlySet<string>;
  /** In the order of the answer. */
  readonly features: readonly PlannedFeature[];
  /** What callers must send beside the keys. */
  readonly fields: readonly RequestField[];
  /** What callers may send although no feature needs it: the rest of what the model's endpoint takes. */
  readonly optional: readonly string[];
  /** Features of kind `computed`, in their order. */
  readonly computed: ComputedFeatures | null;
}

/** A plan of which nothing is opened yet: it holds no native session. */
export type PlanOutline = Omit<OnlinePlan, 'computed'> & {
  /** The features of kind `computed`, in their order. */
  readonly computed: FeaturePlan | null;
};

/** Throws `PRN_ONNX_INVALID`. */
export async function openPlan(outline: PlanOutline): Promise<OnlinePlan> {
  const { computed, views } = outline;
  return { ...outline, computed: computed === null ? null : await openComputedFeatures(computed, views) };
}

/** A view as it is declared now. */
export interface DeclaredView {
  readonly view: string;
  readonly revision: number;
  readonly spec: FeatureViewSpec;
  /** None where the view's values hold for everybody. */
  readonly entityKeys: readonly EntityKey[];
  readonly dataset: DatasetSpec;
}

/**
 * Features in the order of the references. Throws `PRN_FEATURE_UNKNOWN` with the nearest name, `PRN_FEATURE_NAME_CLASH`,
 * `PRN_REQUEST_INVALID` where one alias has two meanings.
 */
export function planOfViews(
  references: readonly ViewReference[],
  declared: ReadonlyMap<string, DeclaredView>,
  fullNames: boolean,
): OnlinePlan {
  requireKnown(references, declared);
  const uses = new Map<string, { index: number; view: FrozenView }>();
  const found = references.flatMap((reference) => {
    const view = declared.get(reference.view);
    if (view === undefined)
      throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'FeatureView', name: reference.view, hint: '' });
    const use = useName(reference);
    const frozen = freeze(view, reference);
    const standing = uses.get(use) ?? { index: uses.size, view: frozen };
    if (!sameRead(standing.view, frozen)) throw twoMeanings(use);
    uses.set(use, standing);
    return wantedFeatures(view, reference).map((feature) => ({ use, feature, index: standing.index, view: frozen }));
  });
  const names = outputNames(found, fullNames);
  return {
    service: null,
    views: [...uses.entries()].map(([use, { view }]) =>
      onlyWanted(
        view,
        found.filter((each) => each.use === use),
      ),
    ),
    whole: wholeViews(found),
    features: found.map(({ feature, index, view }, position) => ({
      kind: 'view',
      name: names[position] ?? feature,
      type: view.types[feature] ?? 'float',
      use: index,
      feature,
    })),
    fields: [],
    optional: [],
    computed: null,
  };
}

function freeze(
  { view, revision, spec, entityKeys, dataset }: DeclaredView,
  { as, keys = {} }: ViewReference,
): FrozenView {
  const known = entityKeys.map(({ name }) => name);
  const wrong = Object.keys(keys).find((key) => !known.includes(key));
  if (wrong !== undefined)
    throw new DomainError('PRN_REQUEST_INVALID', {
      what: 'body',
      problem: `features: ${view} has no entity key ${wrong}${didYouMean(wrong, known)}; it has ${known.join(', ')}`,
    });
  return {
    view,
    ...(as !== undefined && { as }),
    revision,
    keys: entityKeys.map(({ name, type }) => ({ key: name, type, request: keys[name] ?? name })),
    features: spec.features.map(({ name }) => name),
    types: Object.fromEntries(featureTypes(spec, dataset).map(({ name, type }) => [name, type])),
    maxAgeMicros: spec.maxAge === undefined ? null : durationMicros(spec.maxAge),
  };
}

interface WantedFeature {
  readonly feature: string;
  readonly view: FrozenView;
}

function onlyWanted(view: FrozenView, wanted: readonly WantedFeature[]): FrozenView {
  return { ...view, features: [...new Set(wanted.map(({ feature }) => feature))] };
}

function wholeViews(wanted: readonly WantedFeature[]): Set<string> {
  const byView = new Map<string, Set<string>>();
  for (const { view, feature } of wanted)
    byView.set(view.view, (byView.get(view.view) ?? new Set<string>()).add(feature));
  const isMost = ({ view }: WantedFeature): boolean => (byView.get(view.view)?.size ?? 0) * 2 > view.features.length;
  return new Set(wanted.filter(isMost).map(({ view }) => view.view));
}

function wantedFeatures({ spec }: DeclaredView, { feature }: ViewReference): string[] {
  return feature === undefined ? spec.features.map(({ name }) => name) : [feature];
}

/** Names all that is unknown in the first view that lacks something. */
function requireKnown(references: readonly ViewReference[], declared: ReadonlyMap<string, DeclaredView>): void {
  for (const [view, { spec }] of declared) {
    const known = spec.features.map(({ name }) => name);
    const asked = references.flatMap((each) =>
      each.view === view && each.feature !== undefined ? [each.feature] : [],
    );
    const unknown = [...new Set(asked)].filter((feature) => !known.includes(feature));
    if (unknown.length === 0) continue;
    const feature = unknown
      .slice(0, MAX_NAMED)
      .map((name) => name.slice(0, 100) + didYouMean(name, known))
      .join(', ');
    throw new DomainError('PRN_FEATURE_UNKNOWN', { view, feature, hint: '', known: known.join(', ') });
  }
}

function sameRead(left: FrozenView, right: FrozenView): boolean {
  const fields = ({ keys }: FrozenView): string => keys.map(({ request }) => request).join('/');
  return left.view === right.view && fields(left) === fields(right);
}

function twoMeanings(use: string): DomainError {
  return new DomainError('PRN_REQUEST_INVALID', {
    what: 'body',
    problem: `features: ${use} stands for two views, or for one read by different keys; tell them apart with \`as\``,
  });
}

/**
 * The features of a model version, in its order: inputs as they are, and what is computed from them by the same graph as
 * in the model. Fitted encodings are the model's own business and are left out.
 */
export function planOfVersion(
  service: { readonly model: string; readonly version: number },
  { plan, views, request }: Pick<Bundle, 'plan' | 'views' | 'request'>,
): PlanOutline {
  const inputs = new Map(plan.inputs.map((input) => [input.name, input]));
  const features = plan.features.map(({ name, expression }): PlannedFeature => {
    const tree = parseExpression(expression);
    const bare = tree.kind === 'column' ? inputs.get(tree.name) : undefined;
    if (bare !== undefined) return plannedInput(name, bare, views);
    const used = columnsOf(tree).flatMap((column) => inputs.get(column) ?? []);
    return { kind: 'computed', name, type: 'float', inputs: used };
  });
  const computed = plan.features.filter((_feature, index) => features[index]?.kind === 'computed');
  return {
    service,
    views,
    whole: new Set(),
    features,
    fields: requiredFields(plan, request),
    optional: request.map(({ name }) => name),
    computed: computed.length === 0 ? null : { ...plan, features: computed },
  };
}

const TYPES = { FP32: 'float', INT64: 'timestamp', BYTES: 'string' } as const;

function plannedInput(name: string, { datatype, source }: ModelInput, views: readonly FrozenView[]): PlannedFeature {
  if (source.kind === 'request') return { kind: 'request', name, type: TYPES[datatype], field: source.column };
  const use = views.findIndex((view) => useName(view) === useName(source));
  return { kind: 'view', name, type: views[use]?.types[source.feature] ?? 'float', use, feature: source.feature };
}

/** Every request input of a plan belongs to a feature of it. The bundle says which of them may be null. */
function requiredFields({ inputs }: FeaturePlan, request: readonly RequestField[]): RequestField[] {
  const columns = new Set(inputs.flatMap(({ source }) => (source.kind === 'request' ? [source.column] : [])));
  return request.filter(({ name }) => columns.has(name));
}
