/** Endpoints: routes, windows, alerts, rollouts, and the clock of replays. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { EndpointState } from '../../domain/endpoint.js';
import { DomainError } from '../../domain/errors.js';
import { didYouMean } from '../../domain/names.js';
import type { Rollout } from '../../domain/rollout.js';
import type { ApiDependencies } from '../dependencies.js';
import { readTime } from '../present.js';
import { param, type Route, route } from '../route.js';

const WindowsQuery = z.object({
  version: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const WatermarkBody = z.strictObject({ watermark: z.union([z.string(), z.number().int()]) });
const AbortBody = z.strictObject({ reason: z.string().min(1).max(1_000) });
const StepBody = z.strictObject({ step: z.number().int().nonnegative() });

export function endpointRoutes(dependencies: ApiDependencies): Route[] {
  const { stores, workflows } = dependencies;
  return [
    route({
      method: 'get',
      path: '/v1/endpoints',
      summary: 'Endpoints with their routes',
      action: 'read',
      handle: async () => ({ body: { items: await stores.endpoints.list() } }),
    }),
    route({
      method: 'get',
      path: '/v1/endpoints/:endpoint',
      summary: 'One endpoint: routes, watermark, traffic so far',
      action: 'read',
      async handle(call) {
        const state = await requireEndpoint(dependencies, param(call, 'endpoint'));
        const { endpoint } = state;
        const [predictions, groundTruth] = await Promise.all([
          stores.predictions.count(endpoint),
          stores.predictions.groundTruthCount(endpoint),
        ]);
        return { body: { ...state, predictions, groundTruth } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/endpoints/:endpoint/windows',
      summary: 'Reports of closed windows, oldest first',
      action: 'read',
      query: WindowsQuery,
      async handle(call) {
        const { endpoint } = await requireEndpoint(dependencies, param(call, 'endpoint'));
        const { version, limit } = call.query;
        const reports = await stores.monitoring.reports({ endpoint, limit, ...(version !== undefined && { version }) });
        return { body: { items: reports.map(({ prediction: _histogram, ...report }) => report) } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/:endpoint/watermarks',
      summary: 'Say how far event time has come, for endpoints on the event clock',
      action: 'operate',
      body: WatermarkBody,
      async handle(call) {
        const { endpoint, clock } = await requireEndpoint(dependencies, param(call, 'endpoint'));
        if (clock !== 'event')
          throw new DomainError('PRN_REQUEST_INVALID', {
            what: 'endpoint',
            problem: 'its clock is the wall clock, which nobody sets',
          });
        const watermark = readTime(call.body.watermark);
        await workflows.observe(endpoint, watermark);
        return { status: 202, location: `/v1/endpoints/${endpoint}`, body: { endpoint, watermark } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/endpoints/:endpoint/rollouts',
      summary: 'Rollouts of an endpoint, newest first',
      action: 'read',
      handle: async (call) => ({
        body: { items: await stores.endpoints.rollouts({ endpoint: param(call, 'endpoint') }) },
      }),
    }),
    route({
      method: 'get',
      path: '/v1/rollouts/:rollout',
      summary: 'One rollout with its steps',
      action: 'read',
      handle: async (call) => ({ body: await requireRollout(dependencies, param(call, 'rollout')) }),
    }),
    route({
      method: 'post',
      path: '/v1/rollouts/:rollout/abort',
      summary: 'Roll back now',
      action: 'operate',
      body: AbortBody,
      async handle(call) {
        const { workflowId, rolloutId } = await requireRollout(dependencies, param(call, 'rollout'));
        await workflows.abortRollout(workflowId, {
          requestId: randomUUID(),
          actor: call.actor.name,
          reason: call.body.reason,
        });
        return { status: 202, location: `/v1/rollouts/${rolloutId}`, body: { rolloutId } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/rollouts/:rollout/approvals',
      summary: 'Let a step pass that is held for lack of evidence',
      action: 'operate',
      body: StepBody,
      async handle(call) {
        const { workflowId, rolloutId } = await requireRollout(dependencies, param(call, 'rollout'));
        await workflows.approveStep(workflowId, {
          requestId: randomUUID(),
          actor: call.actor.name,
          step: call.body.step,
        });
        return { status: 202, location: `/v1/rollouts/${rolloutId}`, body: { rolloutId } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/alerts',
      summary: 'Alerts, newest first, with what became of them',
      action: 'read',
      query: z.object({
        endpoint: z.string().optional(),
        model: z.string().optional(),
        limit: z.coerce.number().int().min(1).max(1_000).default(100),
      }),
      async handle({ query: { endpoint, model, limit } }) {
        return {
          body: {
            items: await stores.monitoring.alerts({
              limit,
              ...(endpoint !== undefined && { endpoint }),
              ...(model !== undefined && { model }),
            }),
          },
        };
      },
    }),
    route({
      method: 'post',
      path: '/v1/alerts/:alert/acknowledgements',
      summary: 'Say that you have seen an alert',
      action: 'operate',
      async handle(call) {
        const alert = await stores.monitoring.acknowledgeAlert(param(call, 'alert'), call.actor.name);
        if (alert === null)
          throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'alert', name: param(call, 'alert'), hint: '' });
        return { body: alert };
      },
    }),
  ];
}

async function requireEndpoint({ stores }: ApiDependencies, endpoint: string): Promise<EndpointState> {
  const state = await stores.endpoints.get(endpoint);
  if (state !== null) return state;
  const known = (await stores.endpoints.list()).map((each) => each.endpoint);
  throw new DomainError('PRN_ENDPOINT_NOT_FOUND', { endpoint, hint: didYouMean(endpoint, known) });
}

async function requireRollout({ stores }: ApiDependencies, rolloutId: string): Promise<Rollout> {
  const rollout = await stores.endpoints.rollout(rolloutId);
  if (rollout === null) throw new DomainError('PRN_ROLLOUT_NOT_FOUND', { rolloutId });
  return rollout;
}
