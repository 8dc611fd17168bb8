/** The writes of a rollout: control, routes, promotion, restore. Every one is keyed, so that a repeat changes nothing. */
import { DomainError } from '../domain/errors.js';
import type { EndpointController, EndpointState } from '../domain/endpoint.js';
import { INSTANCE_SILENT_AFTER_MICROS } from '../domain/prediction.js';
import { planRollout, type Rollout, type RolloutState, type RolloutStep, routesOfStep } from '../domain/rollout.js';
import type { Stores } from '../store/contracts/index.js';
import type { AppliedStep, OpenedRollout, RolloutActivities, RolloutInput } from '../workflows/contracts/rollout.js';
import type { Clock } from './ports.js';
import { requireResource } from './declared.js';

export interface RolloutDependencies {
  readonly stores: Stores;
  readonly now: Clock;
  readonly heartbeat: (details?: unknown) => void;
}

const APPLIED_POLL_MS = 100;
const RUNNING_STATE: Readonly<Record<RolloutStep['kind'], RolloutState>> = {
  direct: 'baking',
  shadow: 'shadow',
  canary: 'canary',
  bake: 'baking',
};

export function createRolloutActivities(dependencies: RolloutDependencies) {
  const { stores, now } = dependencies;
  const { endpoints, registry } = stores;

  return {
    async openRollout(input) {
      const { resource } = await requireResource(stores, 'Model', input.model);
      const state = await requireEndpoint(stores, input.endpoint);
      const head = await registry.head(input.model);
      const champion = head?.champion ?? null;
      const started = await endpoints.rollout(input.rolloutId);
      const stale =
        input.kind === 'rollout' &&
        started === null &&
        (champion !== input.expectedChampion || (head?.aliasRevision ?? 0) !== input.expectedAliasRevision);
      if (stale)
        return {
          status: 'stale_evidence',
          reason: `the champion is now ${champion ?? 'none'}, judged was ${input.expectedChampion ?? 'none'}`,
        };
      const { acquired, controller } = await endpoints.acquire(input.endpoint, input.workflowId, {
        preempt: input.kind === 'restore',
      });
      if (!acquired) return { status: 'waiting_for_endpoint', holder: controller.workflowId };
      const fromVersion = started?.fromVersion ?? (champion === input.version ? null : champion);
      const spec = resource.spec.rollout;
      if (started === null) await endpoints.saveRollout(newRollout({ ...input, spec, fromVersion, startedTs: now() }));
      const steps = planRollout(spec, input.kind === 'rollout' && fromVersion !== null);
      return {
        status: 'opened',
        controller,
        fromVersion,
        clock: state.clock,
        steps,
        watermark: state.watermark,
      } satisfies OpenedRollout;
    },

    async applyStep({ rollout: input, controller, fromVersion, step }): Promise<AppliedStep> {
      const rollout = await requireRollout(stores, input.rolloutId);
      const standing = rollout.steps.find(({ index }) => index === step.index);
      const rev = standing?.rev ?? (await writeRoutes(dependencies, { input, controller, fromVersion, step }));
      if (standing === undefined) await waitUntilApplied(dependencies, input.endpoint, rev);
      const startedAt = standing?.startedAt ?? (await clockNow(dependencies, input.endpoint));
      if (standing === undefined) {
        const steps = rollout.steps.map((earlier) => ({
          ...earlier,
          endedAt: earlier.endedAt ?? startedAt,
          verdict: earlier.verdict ?? 'passed',
        }));
        const entry = {
          index: step.index,
          kind: step.kind,
          weight: step.weight,
          rev,
          startedAt,
          endedAt: null,
          verdict: null,
        };
        await endpoints.saveRollout({ ...rollout, state: RUNNING_STATE[step.kind], steps: [...steps, entry] });
      }
      return { rev, startedAt };
    },

    async restoreRoutes({ rollout: input, controller, fromVersion, reason }) {
      const head = await registry.head(input.model);
      const { endpoint, model, rolloutId } = input;
      if (head?.champion === input.version && fromVersion !== null) {
        const request = {
          requestId: `${rolloutId}/restore`,
          endpoint,
          model,
          version: fromVersion,
          controller,
          shadow: [],
          reason: 'restore' as const,
        };
        const expected = { expectedChampion: input.version, expectedAliasRevision: head.aliasRevision };
        const { routes } = await endpoints.promote({ ...request, ...expected, actor: input.actor, at: now() });
        await waitUntilApplied(dependencies, endpoint, routes.rev);
        return { restored: true };
      }
      const champion = head?.champion ?? null;
      if (champion === null || champion === input.version) return { restored: false };
      const routes = [{ version: champion, weight: 100 }];
      const back = await endpoints.setRoutes({
        endpoint,
        requestId: `${rolloutId}/back`,
        controller,
        model,
        routes,
        shadow: [],
        salt: rolloutId,
      });
      await waitUntilApplied(dependencies, endpoint, back.rev);
      const candidate = await registry.version(model, input.version);
      if (candidate?.stage === 'staging') {
        await registry.setStage({
          model,
          version: input.version,
          from: 'staging',
          to: 'archived',
          actor: input.actor,
          reason,
        });
      }
      return { restored: true };
    },

    async closeRollout({ rollout: input, controller, state, reason }) {
      const { endpoint, model, version } = input;
      if (controller !== null && state !== 'superseded') await settleRoutes(stores, input, controller);
      if (state !== 'stale_evidence') await endpoints.setStaged({ endpoint, model, version, staged: false });
      if (controller !== null) await endpoints.release(endpoint, controller);
      const rollout = await endpoints.rollout(input.rolloutId);
      if (rollout === null || rollout.endedTs !== null) return;
      const endedTs = now();
      const endedAt = await clockNow(dependencies, endpoint);
      const steps = rollout.steps.map((step) => ({
        ...step,
        endedAt: step.endedAt ?? endedAt,
        verdict: step.verdict ?? (state === 'completed' ? 'passed' : state),
      }));
      await endpoints.saveRollout({ ...rollout, state, reason, steps, endedTs });
    },
  } satisfies RolloutActivities;
}

/** Ends shadow scoring; an epoch that has moved on means another controller owns the routes now, which is fine. */
async function settleRoutes(stores: Stores, input: RolloutInput, controller: EndpointController): Promise<void> {
  const { routes } = await requireEndpoint(stores, input.endpoint);
  if (routes.shadow.length === 0 || routes.model === null) return;
  const { endpoint, rolloutId } = input;
  const change = {
    endpoint,
    requestId: `${rolloutId}/settle`,
    controller,
    model: routes.model,
    routes: routes.routes,
    shadow: [],
    salt: routes.salt,
  };
  await stores.endpoints.setRoutes(change);
}

/** Traffic at 100 % is the promotion itself: stage, alias and routes change in one transaction. */
async function writeRoutes(
  { stores, now }: RolloutDependencies,
  write: { input: RolloutInput; controller: EndpointController; fromVersion: number | null; step: RolloutStep },
): Promise<number> {
  const { input, controller, fromVersion, step } = write;
  const { endpoint, model, version, rolloutId, requestId, actor } = input;
  const { routes, shadow } = routesOfStep(step, { from: fromVersion, to: version });
  if (step.weight < 100) {
    const request = {
      endpoint,
      requestId: `${rolloutId}/step-${step.index}`,
      controller,
      model,
      routes,
      shadow,
      salt: rolloutId,
    };
    return (await stores.endpoints.setRoutes(request)).rev;
  }
  const promoted = await stores.endpoints.promote({
    requestId,
    endpoint,
    model,
    version,
    expectedChampion: input.expectedChampion,
    expectedAliasRevision: input.expectedAliasRevision,
    controller,
    shadow: step.forMicros === 0 ? [] : shadow,
    reason: input.kind === 'restore' ? 'restore' : 'rollout',
    actor,
    at: now(),
  });
  return promoted.routes.rev;
}

/** Waits until every live serving instance reports the revision. Without one there is nobody to wait for. */
async function waitUntilApplied(
  { stores, now, heartbeat }: RolloutDependencies,
  endpoint: string,
  rev: number,
): Promise<void> {
  for (;;) {
    const instances = await stores.endpoints.instances(now() - INSTANCE_SILENT_AFTER_MICROS);
    const behind = instances.filter(({ appliedRevs }) => (appliedRevs[endpoint] ?? -1) < rev);
    if (behind.length === 0) return;
    heartbeat({ waitingFor: behind.map(({ instanceId }) => instanceId) });
    await new Promise((resolve) => setTimeout(resolve, APPLIED_POLL_MS));
  }
}

async function clockNow({ stores, now }: RolloutDependencies, endpoint: string): Promise<number> {
  const { clock, watermark } = await requireEndpoint(stores, endpoint);
  return clock === 'event' ? (watermark ?? 0) : now();
}

export async function requireEndpoint(stores: Pick<Stores, 'endpoints'>, endpoint: string): Promise<EndpointState> {
  const state = await stores.endpoints.get(endpoint);
  if (state === null) throw new DomainError('PRN_ENDPOINT_NOT_FOUND', { endpoint, hint: '' });
  return state;
}

async function requireRollout(stores: Pick<Stores, 'endpoints'>, rolloutId: string): Promise<Rollout> {
  const rollout = await stores.endpoints.rollout(rolloutId);
  if (rollout === null) throw new DomainError('PRN_ROLLOUT_NOT_FOUND', { rolloutId });
  return rollout;
}

function newRollout(
  start: RolloutInput & { workflowId: string; spec: Rollout['spec']; fromVersion: number | null; startedTs: number },
): Rollout {
  const { rolloutId, endpoint, model, version, fromVersion, requestId, workflowId, spec, startedTs } = start;
  return {
    rolloutId,
    endpoint,
    model,
    version,
    fromVersion,
    requestId,
    workflowId,
    spec,
    state: 'waiting_for_endpoint',
    steps: [],
    judgedAt: null,
    reason: '',
    startedTs,
    endedTs: null,
  };
}
