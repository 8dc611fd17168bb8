/**
 * Plans of online requests, kept until something that they were made from changes: the registry is asked once for a kind
 * of request, not once for each. While MongoDB is away the plan that stands goes on being used.
 */
import { DomainError, isDomainError } from '../domain/errors.js';
import { parseFeatureName } from '../domain/feature-names.js';
import type { EntityKey } from '../domain/feature-view.js';
import type { ViewReference } from '../domain/model.js';
import { didYouMean } from '../domain/names.js';
import type { FeatureServiceReference, OnlineFeaturesRequest } from '../domain/online-features.js';
import type { ResourceKind, ResourceOf } from '../domain/resources.js';
import { requireFeatureService } from '../scoring/feature-service.js';
import { type DeclaredView, type OnlinePlan, openPlan, planOfVersion, planOfViews } from '../scoring/online-plan.js';
import type { Stores } from '../store/contracts/index.js';
import type { DefinitionListener } from '../store/contracts/resources.js';
import { createRecentlyUsed } from './recently-used.js';
import type { StoreAccess } from './store-access.js';

export interface OnlinePlans extends DefinitionListener {
  /** Throws what is wrong with the request's names, or `PRN_UNAVAILABLE` where no plan stands and none can be made. */
  planFor(request: OnlineFeaturesRequest): Promise<OnlinePlan>;
}

export interface PlanDependencies {
  readonly stores: Pick<Stores, 'resources' | 'registry'>;
  readonly access: StoreAccess;
  /** A clock that only goes forward, milliseconds. */
  readonly elapsedMs: () => number;
}

/** What a plan was made from, as `kind/name`. */
type Sources = Set<string>;

interface Entry {
  readonly plan: OnlinePlan;
  readonly sources: Sources;
  /** Changes that had been heard of before it was made. */
  readonly madeAt: number;
  /** Until then a plan that could not be renewed is used as it is. */
  retryMs: number;
}

const MAX_PLANS = 500;
const RETRY_MS = 1_000;

export function createOnlinePlans(dependencies: PlanDependencies): OnlinePlans {
  const { access, elapsedMs } = dependencies;
  const entries = createRecentlyUsed<Entry>(MAX_PLANS);
  const making = new Map<string, Promise<OnlinePlan>>();
  const changedAt = new Map<string, number>();
  let changes = 0;
  let lostAt = 0;

  const isCurrent = ({ madeAt, sources }: Entry): boolean => {
    if (madeAt < lostAt) return false;
    for (const source of sources) if ((changedAt.get(source) ?? 0) > madeAt) return false;
    return true;
  };
  const make = async (key: string, request: OnlineFeaturesRequest): Promise<OnlinePlan> => {
    const madeAt = changes;
    const sources: Sources = new Set();
    try {
      const plan = await access.ask('The resource store', () => resolvePlan(dependencies.stores, request, sources));
      entries.set(key, { plan, sources, madeAt, retryMs: 0 });
      return plan;
    } catch (error) {
      const standing = entries.get(key);
      if (standing === undefined || !isDomainError(error) || error.code !== 'PRN_UNAVAILABLE') {
        entries.delete(key);
        throw error;
      }
      standing.retryMs = elapsedMs() + RETRY_MS;
      return standing.plan;
    }
  };

  return {
    async planFor(request) {
      const key = planKey(request);
      const standing = entries.get(key);
      if (standing !== undefined && (isCurrent(standing) || elapsedMs() < standing.retryMs)) return standing.plan;
      const running = making.get(key) ?? make(key, request).finally(() => making.delete(key));
      making.set(key, running);
      return running;
    },
    onChange: (kind, name) => void changedAt.set(`${kind}/${name}`, (changes += 1)),
    onLost: () => void (lostAt = changes += 1),
  };
}

function planKey({ features, featureService, view, fullNames }: OnlineFeaturesRequest): string {
  return JSON.stringify([features ?? featureService ?? view, fullNames]);
}

async function resolvePlan(
  stores: PlanDependencies['stores'],
  request: OnlineFeaturesRequest,
  sources: Sources,
): Promise<OnlinePlan> {
  const { features, featureService, view, fullNames } = request;
  if (featureService !== undefined) return planOfService(stores, featureService, sources);
  const references = (features ?? [view ?? '']).map((each): ViewReference =>
    typeof each === 'string' ? parseFeatureName(each) : each,
  );
  const names = [...new Set(references.map((reference) => reference.view))];
  const declared = await Promise.all(
    names.map(async (name) => [name, await declaredView(stores, name, sources)] as const),
  );
  return planOfViews(references, new Map(declared), fullNames);
}

async function planOfService(
  stores: Pick<Stores, 'registry' | 'resources'>,
  reference: FeatureServiceReference,
  sources: Sources,
): Promise<OnlinePlan> {
  if (reference.version === undefined) sources.add(`Model/${reference.model}`);
  const { model, version, bundle } = await requireFeatureService(stores, reference);
  return openPlan(planOfVersion({ model, version }, bundle));
}

/** A view with what it refers to; adds all of them to `sources`. Throws `PRN_RESOURCE_NOT_FOUND` with the nearest name. */
export async function declaredView(
  stores: Pick<Stores, 'resources'>,
  name: string,
  sources: Sources,
): Promise<DeclaredView> {
  const { resource, revision } = await requireResource(stores, { kind: 'FeatureView', name }, sources);
  const { spec } = resource;
  const dataset = await requireResource(stores, { kind: 'Dataset', name: spec.dataset }, sources);
  let entityKeys: readonly EntityKey[] = [];
  if (spec.entity !== undefined) {
    const entity = await requireResource(stores, { kind: 'Entity', name: spec.entity }, sources);
    entityKeys = entity.resource.spec.keys;
  }
  return { view: name, revision, spec, entityKeys, dataset: dataset.resource.spec };
}

async function requireResource<K extends ResourceKind>(
  { resources }: Pick<Stores, 'resources'>,
  { kind, name }: { kind: K; name: string },
  sources: Sources,
): Promise<{ resource: ResourceOf<K>; revision: number }> {
  sources.add(`${kind}/${name}`);
  const found = await resources.get(kind, name);
  if (found !== null && isKind(found.resource, kind)) return { resource: found.resource, revision: found.revision };
  const known = (await resources.list(kind)).map((each) => each.name);
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name: name.slice(0, 100), hint: didYouMean(name, known) });
}

function isKind<K extends ResourceKind>(resource: ResourceOf<ResourceKind>, kind: K): resource is ResourceOf<K> {
  return resource.kind === kind;
}
