/**
 * The endpoints this process serves. New routes take effect only when all their versions are loaded; until then the old
 * ones answer. Swapping is one assignment; old versions are freed when their last request ends.
 */
import type { EndpointRoutes, EndpointState } from '../domain/endpoint.js';
import { DomainError } from '../domain/errors.js';
import { routeAssigner } from '../scoring/hash-routing.js';
import { type LoadedVersion, loadVersion } from '../scoring/loaded-version.js';
import { commonShape } from '../scoring/task-scores.js';
import type { Stores } from '../store/contracts/index.js';
import { type Contract, contractOf } from './contract.js';

export interface LiveEndpoint {
  readonly endpoint: string;
  readonly state: EndpointState;
  readonly versions: ReadonlyMap<number, LoadedVersion>;
  /** Request field that decides routing, if the endpoint declares one. */
  readonly unitField: string | null;
  /** Share of the answered rows whose features are kept for recomputation. */
  readonly featureCheckShare: number;
  /** What callers may send to the routed versions together. */
  readonly contract: Contract;
  readonly assign: (unit: string) => number | null;
}

export interface LiveEndpoints {
  get(endpoint: string): LiveEndpoint | undefined;
  all(): readonly LiveEndpoint[];
  /** Takes a new state; states of one endpoint are applied in order. */
  apply(state: EndpointState): void;
  /** Takes over what the endpoint declares now; null for all endpoints. Routes stay as they are. */
  redeclare(endpoint: string | null): void;
  /** True when every endpoint that was told of is served, or was tried at least once. */
  isSettled(): boolean;
  appliedRevs(): Record<string, number>;
  close(): void;
}

type LoadingStores = Pick<Stores, 'registry' | 'artifacts' | 'resources'>;

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

export function openLiveEndpoints(
  stores: LoadingStores,
  onProblem: (endpoint: string, error: unknown) => void,
): LiveEndpoints {
  const live = new Map<string, LiveEndpoint>();
  const newest = new Map<string, EndpointState>();
  const working = new Set<string>();
  const failures = new Map<string, number>();
  const retries = new Map<string, NodeJS.Timeout>();
  let closed = false;

  const work = async (endpoint: string): Promise<void> => {
    if (working.has(endpoint)) return;
    working.add(endpoint);
    for (let state = newest.get(endpoint); state !== undefined && !closed; state = newest.get(endpoint)) {
      const succeeded = await attempt(state);
      if (newest.get(endpoint) !== state) continue;
      if (succeeded) failures.delete(endpoint);
      else retryLater(endpoint);
      break;
    }
    working.delete(endpoint);
  };
  const attempt = async (state: EndpointState): Promise<boolean> => {
    try {
      await swap(state);
      return true;
    } catch (error) {
      onProblem(state.endpoint, error);
      return false;
    }
  };
  const retryLater = (endpoint: string): void => {
    const count = (failures.get(endpoint) ?? 0) + 1;
    failures.set(endpoint, count);
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (count - 1));
    clearTimeout(retries.get(endpoint));
    retries.set(endpoint, setTimeout(() => void work(endpoint), delayMs).unref());
  };

  /** Switches if the routed versions are there, then throws if a shadow or staged one is not: that one is tried again. */
  const swap = async (state: EndpointState): Promise<void> => {
    const { endpoint, clock, routes } = state;
    const before = live.get(endpoint);
    const resource = await stores.resources.get('Endpoint', endpoint);
    const spec = resource?.resource.kind === 'Endpoint' ? resource.resource.spec : null;
    const [unitField, featureCheckShare] = [spec?.unit ?? null, spec?.featureCheck.share ?? 0];
    const { versions, missing } = await loadVersions(stores, routes, before);
    if (closed) return releaseAll(versions);
    const routed = routes.routes.flatMap(({ version }) => versions.get(version)?.bundle ?? []);
    const shadows = routes.shadow.flatMap((version) => versions.get(version)?.bundle ?? []);
    // The log keeps answers and shadow scores in one shape.
    const contract = contractOf(routed, clock, commonShape([...routed, ...shadows]));
    const assign = routeAssigner(routes.routes, routes.salt);
    live.set(endpoint, { endpoint, state, versions, unitField, featureCheckShare, contract, assign });
    if (before !== undefined) releaseAll(before.versions);
    if (missing !== null) throw missing;
  };

  const apply = (state: EndpointState): void => {
    newest.set(state.endpoint, state);
    failures.delete(state.endpoint);
    void work(state.endpoint);
  };

  return {
    get: (endpoint) => live.get(endpoint),
    all: () => [...live.values()],
    apply,
    redeclare(endpoint) {
      // As a state of its own, so that one which is being applied, with what was declared before, is not the last.
      for (const state of newest.values()) if (endpoint === null || endpoint === state.endpoint) apply({ ...state });
    },
    isSettled: () => [...newest.keys()].every((endpoint) => live.has(endpoint) || failures.has(endpoint)),
    appliedRevs: () => Object.fromEntries([...live].map(([endpoint, { state }]) => [endpoint, state.routes.rev])),
    close() {
      closed = true;
      for (const timer of retries.values()) clearTimeout(timer);
      for (const { versions } of live.values()) releaseAll(versions);
      live.clear();
    },
  };
}

/**
 * Every version that routes, shadow or staging name; those already loaded are kept and held once more. A routed version
 * that cannot be loaded throws; of the others the first error is returned, since a candidate that is broken must not
 * keep traffic from moving.
 */
async function loadVersions(
  stores: LoadingStores,
  { model, routes, shadow, staged }: EndpointRoutes,
  before: LiveEndpoint | undefined,
): Promise<{ versions: Map<number, LoadedVersion>; missing: Error | null }> {
  const kept = before?.state.routes.model === model ? before.versions : new Map<number, LoadedVersion>();
  const routed = new Set(routes.map(({ version }) => version));
  const versions = new Map<number, LoadedVersion>();
  let missing: Error | null = null;
  for (const number of new Set([...routed, ...shadow, ...staged])) {
    try {
      const loaded = kept.get(number);
      loaded?.retain();
      versions.set(number, loaded ?? (await loadOne(stores, model ?? '', number)));
    } catch (error) {
      if (routed.has(number)) {
        releaseAll(versions);
        throw error;
      }
      missing ??= error instanceof Error ? error : new Error(String(error));
    }
  }
  return { versions, missing };
}

async function loadOne(stores: LoadingStores, model: string, version: number): Promise<LoadedVersion> {
  const found = await stores.registry.version(model, version);
  if (found === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
  return loadVersion(stores.artifacts, version, found.bundle);
}

function releaseAll(versions: ReadonlyMap<number, LoadedVersion>): void {
  for (const version of versions.values()) version.release();
}
