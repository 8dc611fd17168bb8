/** Endpoints, their routes and controller, rollouts, serving instances. Routes change only under the controller's epoch. */
import type { EndpointController, EndpointRoutes, EndpointState } from '../../domain/endpoint.js';
import type { ServingInstance } from '../../domain/prediction.js';
import type { ChampionEntry } from '../../domain/registry.js';
import type { Rollout } from '../../domain/rollout.js';

export interface PromotionRequest {
  readonly requestId: string;
  readonly endpoint: string;
  readonly model: string;
  readonly version: number;
  /** What the decision was made against; another champion or alias revision means `PRN_REGISTRY_STALE_EVIDENCE`. */
  readonly expectedChampion: number | null;
  readonly expectedAliasRevision: number;
  readonly controller: EndpointController;
  /** Versions that go on scoring in shadow after the change (bake). */
  readonly shadow: readonly number[];
  readonly reason: ChampionEntry['reason'];
  readonly actor: string;
  readonly at: number;
}

export interface EndpointStore {
  ensure(endpoint: string, clock: EndpointState['clock']): Promise<EndpointState>;
  get(endpoint: string): Promise<EndpointState | null>;
  list(): Promise<EndpointState[]>;
  setWatermark(endpoint: string, watermark: number): Promise<void>;

  /**
   * Takes control (epoch + 1) if free; keeps it if this workflow holds it already; otherwise returns the holder.
   * `preempt` takes it from whoever holds it (rollback, break-glass): the holder's next write is refused.
   */
  acquire(
    endpoint: string,
    workflowId: string,
    options?: { readonly preempt: boolean },
  ): Promise<{ readonly acquired: boolean; readonly controller: EndpointController }>;
  release(endpoint: string, controller: EndpointController): Promise<void>;
  /** Writes routes as `rev + 1` under the controller's epoch, once per `requestId`. Throws `PRN_ENDPOINT_SUPERSEDED`. */
  setRoutes(input: {
    endpoint: string;
    requestId: string;
    controller: EndpointController;
    model: string;
    routes: EndpointRoutes['routes'];
    shadow: readonly number[];
    salt: string;
  }): Promise<EndpointRoutes>;
  /** Adds or removes a version from the ones that may be asked for by number; needs no control, changes no traffic. */
  setStaged(input: { endpoint: string; model: string; version: number; staged: boolean }): Promise<EndpointRoutes>;

  /**
   * One transaction: version → production, old champion → archived, alias `champion` with history, routes to 100 %,
   * audit and outbox. Exactly once per `requestId`: a repeat returns what the first call did.
   */
  promote(request: PromotionRequest): Promise<{ readonly entry: ChampionEntry; readonly routes: EndpointRoutes }>;

  saveRollout(rollout: Rollout): Promise<void>;
  rollout(rolloutId: string): Promise<Rollout | null>;
  rollouts(filter: { endpoint?: string; model?: string; open?: boolean }): Promise<Rollout[]>;
  /** Keeps the evidence and verdict of a step evaluation, once per key. */
  saveEvaluation(evaluation: {
    readonly key: string;
    readonly rolloutId: string;
    readonly content: Record<string, unknown>;
  }): Promise<void>;

  saveInstance(instance: ServingInstance): Promise<void>;
  removeInstance(instanceId: string): Promise<void>;
  /** Instances that were heard of since `since` (microseconds). */
  instances(since: number): Promise<ServingInstance[]>;
  /** Calls back with every endpoint whose routes changed: change stream first, then snapshot, then only higher `rev`. */
  watchRoutes(
    onState: (state: EndpointState) => void,
    onHealth: (healthy: boolean) => void,
  ): Promise<{ close(): Promise<void> }>;
}
