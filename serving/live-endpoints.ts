/**
 * The endpoints this process serves. New routes take effect only when all their versions are loaded; until then the old
 * ones answer. Swapping is one assignment; old versions are freed when their last request ends.
 */
import type { EndpointState } from '../domain/endpoint.js';
import { type LoadedVersion, loadVersion } from '../scoring/loaded-version.js';
import type { Stores } from '../store/contracts/index.js';
import { type Contract, contractOf } from './infer-request.js';

export interface LiveEndpoint {
  readonly endpoint: string;
  readonly state: EndpointState;
  readonly versions: ReadonlyMap<number, LoadedVersion>;
  /** Request field that decides routing, if the endpoint declares one. */
  readonly unitField: string | null;
  /** What callers may send to the routed versions together. */
  readonly contract: Contract;
}

export interface LiveEndpoints {
  get(endpoint: string): LiveEndpoint | undefined;
  all(): readonly LiveEndpoint[];
  /** Takes a new state; states of one endpoint are applied in order. */
  apply(state: EndpointState): void;
  appliedRevs(): Record<string, number>;
  close(): void;
}

const RETRY_MS = 1_000;

export function openLiveEndpoints(
  stores: Stores,
  onProblem: (endpoint: string, error: unknown) => void,
): LiveEndpoints {
  const live = new Map<string, LiveEndpoint>();
  const newest = new Map<string, EndpointState>();
  const applying = new Set<string>();
  let closed = false;

  const work = async (endpoint: string): Promise<void> => {
    if (applying.has(endpoint)) return;
    applying.add(endpoint);
    try {
      for (let state = newest.get(endpoint); state !== undefined && !closed; state = newest.get(endpoint)) {
        if (live.get(endpoint)?.state === state) break;
        await swap(state);
      }
    } catch (error) {
      onProblem(endpoint, error);
      setTimeout(() => void work(endpoint), RETRY_MS).unref();
    } finally {
      applying.delete(endpoint);
    }
  };

  const swap = async (state: EndpointState): Promise<void> => {
    const before = live.get(state.endpoint);
    const versions = await loadVersions(stores, state, before);
    const routed = state.routes.routes.flatMap(({ version }) => versions.get(version)?.bundle ?? []);
    const resource = await stores.resources.get('Endpoint', state.endpoint);
    const unitField = resource?.resource.kind === 'Endpoint' ? (resource.resource.spec.unit ?? null) : null;
    live.set(state.endpoint, { endpoint: state.endpoint, state, versions, unitField, contract: contractOf(routed) });
    for (const version of before?.versions.values() ?? []) version.release();
  };

  return {
    get: (endpoint) => live.get(endpoint),
    all: () => [...live.values()],
    apply(state) {
      newest.set(state.endpoint, state);
      void work(state.endpoint);
    },
    appliedRevs: () => Object.fromEntries([...live].map(([endpoint, { state }]) => [endpoint, state.routes.rev])),
    close() {
      closed = true;
      for (const { versions } of live.values()) for (const version of versions.values()) version.release();
      live.clear();
    },
  };
}

/** Every version that routes, shadow or staging name; those already loaded are kept and held once more. */
async function loadVersions(
  stores: Stores,
  state: EndpointState,
  before: LiveEndpoint | undefined,
): Promise<Map<number, LoadedVersion>> {
  const { model, routes, shadow, staged } = state.routes;
  const wanted = new Set([...routes.map(({ version }) => version), ...shadow, ...staged]);
  const versions = new Map<number, LoadedVersion>();
  try {
    for (const number of wanted) {
      const loaded = before?.versions.get(number) ?? null;
      loaded?.retain();
      const version = loaded ?? (await loadOne(stores, model ?? '', number));
      if (version !== null) versions.set(number, version);
    }
  } catch (error) {
    for (const version of versions.values()) version.release();
    throw error;
  }
  return versions;
}

async function loadOne(stores: Stores, model: string, number: number): Promise<LoadedVersion | null> {
  const found = await stores.registry.version(model, number);
  return found === null ? null : loadVersion(stores.artifacts, number, found.bundle);
}
