/** Rollouts: where they stand, roll back now, let a held step pass. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { Rollout } from '../../domain/rollout.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { param, type Route, route } from '../route.js';
import { requireEndpoint } from './endpoints.js';

const AbortBody = z
  .strictObject({ reason: z.string().min(1).max(1_000) })
  .meta({ examples: [{ reason: 'complaints about late flights' }] });
const StepBody = z.strictObject({ step: z.number().int().nonnegative() }).meta({ examples: [{ step: 1 }] });
const RolloutAnswer = z.strictObject({ rolloutId: z.string() });

export function rolloutRoutes(dependencies: ApiDependencies): Route[] {
  const { stores, workflows } = dependencies;
  return [
    route({
      method: 'get',
      path: '/v1/endpoints/:endpoint/rollouts',
      summary: 'Rollouts of an endpoint, newest first',
      action: 'read',
      query: PageQuery,
      response: pageOf(Rollout),
      async handle(call) {
        const { endpoint } = await requireEndpoint(dependencies, param(call, 'endpoint'));
        const read = () => stores.endpoints.rollouts({ endpoint });
        return { body: await readPage(call.query, { read, idOf: ({ rolloutId }) => rolloutId }) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/rollouts/:rollout',
      summary: 'One rollout with its steps',
      action: 'read',
      response: Rollout,
      handle: async (call) => ({ body: await requireRollout(dependencies, param(call, 'rollout')) }),
    }),
    route({
      method: 'post',
      path: '/v1/rollouts/:rollout/abort',
      summary: 'Roll back now',
      action: 'operate',
      status: 202,
      body: AbortBody,
      response: RolloutAnswer,
      async handle(call) {
        const { workflowId, rolloutId } = await requireRollout(dependencies, param(call, 'rollout'));
        const { reason } = call.body;
        await workflows.abortRollout(workflowId, { requestId: call.mintId('abort'), actor: call.actor.name, reason });
        return { location: `/v1/rollouts/${rolloutId}`, body: { rolloutId } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/rollouts/:rollout/approvals',
      summary: 'Let a step pass that is held for lack of evidence',
      action: 'operate',
      status: 202,
      body: StepBody,
      response: RolloutAnswer,
      async handle(call) {
        const { workflowId, rolloutId } = await requireRollout(dependencies, param(call, 'rollout'));
        const { step } = call.body;
        await workflows.approveStep(workflowId, { requestId: call.mintId('step'), actor: call.actor.name, step });
        return { location: `/v1/rollouts/${rolloutId}`, body: { rolloutId } };
      },
    }),
  ];
}

async function requireRollout({ stores }: ApiDependencies, rolloutId: string): Promise<Rollout> {
  const rollout = await stores.endpoints.rollout(rolloutId);
  if (rollout === null) throw new DomainError('PRN_ROLLOUT_NOT_FOUND', { rolloutId });
  return rollout;
}
