/** The features of a retrieval, pinned: views at their revisions with the chunks they had, or those of a model version. */
import type { FrozenView } from '../domain/bundle.js';
import { DomainError } from '../domain/errors.js';
import { parseFeatureName } from '../domain/feature-names.js';
import type { FeaturePlan } from '../domain/features.js';
import {
  type HistoricalRequest,
  projectFeatures,
  type RetrievalPlan,
  type RetrievedFeature,
  type RetrievedView,
} from '../domain/historical-retrieval.js';
import { useName, type ViewReference } from '../domain/model.js';
import type { FeatureServiceReference } from '../domain/online-features.js';
import { columnsOf } from '../ml/features/expression/ast.js';
import { parseExpression } from '../ml/features/expression/parse.js';
import { requireFeatureService } from '../scoring/feature-service.js';
import { standingChunks } from '../scoring/feature-history.js';
import {
  type DeclaredView,
  type OnlinePlan,
  type PlanOutline,
  planOfVersion,
  planOfViews,
} from '../scoring/online-plan.js';
import type { Stores } from '../store/contracts/index.js';
import { entityOf, requireResource } from './declared.js';
import { type DrainDependencies, drainPushedRows } from './pushed-rows.js';

export interface RetrievalDependencies extends DrainDependencies {
  readonly stores: Stores;
}

type PlannedFeatures = Pick<RetrievalPlan, 'service' | 'views' | 'features' | 'fields' | 'computed'>;

/**
 * Throws `PRN_RESOURCE_NOT_FOUND`, `PRN_FEATURE_UNKNOWN` with the nearest name, `PRN_FEATURE_OUTPUT_UNKNOWN`;
 * `PRN_FEATURE_NAME_CLASH` where two views have a feature of one name, `PRN_FEATURE_VIEW_EMPTY` before the first rows.
 */
export async function planFeatures(
  dependencies: RetrievalDependencies,
  request: HistoricalRequest,
): Promise<PlannedFeatures> {
  const { stores } = dependencies;
  const { plan, computed } =
    request.featureService === undefined
      ? { plan: await planOfNames(stores, request), computed: null }
      : await planOfService(stores, request.featureService);
  const features = projectFeatures(plan.features.map(retrieved), request.outputs);
  const needed = computed === null ? null : neededOf(computed, features);
  const inputs = needed?.inputs ?? [];
  const reads = (view: FrozenView, use: number): string[] => {
    const asked = features.flatMap((each) => (each.kind === 'view' && each.use === use ? [each.feature] : []));
    const used = inputs.flatMap(({ source }) =>
      source.kind === 'view' && useName(source) === useName(view) ? [source.feature] : [],
    );
    return [...new Set([...asked, ...used])];
  };
  const kept = plan.views.flatMap((view, use) => {
    const read = reads(view, use);
    return read.length === 0 ? [] : [{ view: { ...view, features: read }, use }];
  });
  const fields = new Set([
    ...features.flatMap((each) => (each.kind === 'request' ? [each.field] : [])),
    ...inputs.flatMap(({ source }) => (source.kind === 'request' ? [source.column] : [])),
  ]);
  return {
    service: plan.service,
    views: await Promise.all(kept.map(({ view }) => pinView(dependencies, view))),
    features: features.map((each) =>
      each.kind === 'view' ? { ...each, use: kept.findIndex(({ use }) => use === each.use) } : each,
    ),
    fields: plan.fields.filter(({ name }) => fields.has(name)),
    computed: needed,
  };
}

function retrieved(feature: OnlinePlan['features'][number]): RetrievedFeature {
  const { name, type } = feature;
  if (feature.kind === 'view') return { kind: 'view', name, type, use: feature.use, feature: feature.feature };
  return feature.kind === 'request'
    ? { kind: 'request', name, type, field: feature.field }
    : { kind: 'computed', name, type };
}

/** The features of a plan that are to be computed, and the inputs that these read. */
function neededOf(plan: FeaturePlan, features: readonly RetrievedFeature[]): FeaturePlan | null {
  const wanted = features.filter(({ kind }) => kind === 'computed').map(({ name }) => name);
  const computed = wanted.flatMap((name) => plan.features.find((feature) => feature.name === name) ?? []);
  if (computed.length === 0) return null;
  const used = new Set(computed.flatMap(({ expression }) => columnsOf(parseExpression(expression))));
  // A feature of constants still needs an input to know the number of rows.
  const inputs = plan.inputs.filter(({ name }, index) => used.has(name) || (used.size === 0 && index === 0));
  return { inputs, features: computed, encodings: [] };
}

async function planOfNames(stores: Stores, { features = [], fullNames }: HistoricalRequest): Promise<OnlinePlan> {
  const references = features.map((each): ViewReference => (typeof each === 'string' ? parseFeatureName(each) : each));
  const names = [...new Set(references.map(({ view }) => view))];
  const declared = await Promise.all(names.map(async (name) => [name, await declaredView(stores, name)] as const));
  return planOfViews(references, new Map(declared), fullNames);
}

async function declaredView(stores: Stores, view: string): Promise<DeclaredView> {
  const { revision, resource } = await requireResource(stores, 'FeatureView', view);
  const entity = await entityOf(stores, resource.spec);
  const dataset = await requireResource(stores, 'Dataset', resource.spec.dataset);
  return { view, revision, spec: resource.spec, entityKeys: entity?.keys ?? [], dataset: dataset.resource.spec };
}

async function planOfService(
  stores: Stores,
  reference: FeatureServiceReference,
): Promise<{ plan: PlanOutline; computed: FeaturePlan }> {
  const { model, version, bundle } = await requireFeatureService(stores, reference);
  return { plan: planOfVersion({ model, version }, bundle), computed: bundle.plan };
}

/**
 * The view with the chunks it has now, rows that were pushed a moment ago included: chunks of the frozen revision, which
 * are what training and serving read.
 */
async function pinView(dependencies: DrainDependencies, view: FrozenView): Promise<RetrievedView> {
  await drainPushedRows(dependencies, view.view);
  const chunks = await standingChunks(dependencies.stores.features, view);
  const last = chunks.at(-1);
  if (last === undefined)
    throw new DomainError('PRN_FEATURE_VIEW_EMPTY', {
      view: view.view,
      hint: ` at revision ${view.revision}; run \`perennial materialize\` first`,
    });
  const withdraws = chunks.some((chunk) => chunk.withdraws);
  return { ...view, throughSeq: last.seq, chunks: chunks.map(({ table }) => table), withdraws };
}
