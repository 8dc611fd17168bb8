/** Pipelines: where each training attempt stands. Answered from documents, never from Temporal's visibility. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import type { ApiDependencies } from '../dependencies.js';
import { param, type Route, route } from '../route.js';

export function pipelineRoutes({ stores }: ApiDependencies): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/pipelines',
      summary: 'Training pipelines, newest first',
      action: 'read',
      query: z.object({ model: z.string().optional(), limit: z.coerce.number().int().min(1).max(1_000).default(100) }),
      async handle({ query }) {
        const { model, limit } = query;
        return { body: { items: await stores.lifecycles.pipelines({ limit, ...(model !== undefined && { model }) }) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/pipelines/:pipeline',
      summary: 'One pipeline',
      action: 'read',
      async handle(call) {
        const pipelineId = param(call, 'pipeline');
        const found = await stores.lifecycles.pipeline(pipelineId);
        if (found === null) throw new DomainError('PRN_PIPELINE_NOT_FOUND', { pipelineId });
        return { body: found };
      },
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/retraining-requests',
      summary: 'Wishes to train, with what became of them',
      action: 'read',
      handle: async (call) => ({ body: { items: await stores.lifecycles.requests(param(call, 'model')) } }),
    }),
  ];
}
