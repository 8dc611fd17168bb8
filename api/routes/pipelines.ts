/** Pipelines: where each training attempt stands. Answered from documents, never from Temporal's visibility. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { Pipeline } from '../../domain/pipeline.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { param, type Route, route } from '../route.js';

export function pipelineRoutes({ stores }: ApiDependencies): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/pipelines',
      summary: 'Training pipelines, newest first',
      action: 'read',
      query: PageQuery.extend({ model: z.string().optional() }),
      response: pageOf(Pipeline),
      async handle({ query }) {
        const { model } = query;
        const filter = model === undefined ? {} : { model };
        const read = (count: number) => stores.lifecycles.pipelines({ ...filter, limit: count });
        return { body: await readPage(query, { read, idOf: ({ pipelineId }) => pipelineId }) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/pipelines/:pipeline',
      summary: 'One pipeline',
      action: 'read',
      response: Pipeline,
      async handle(call) {
        const pipelineId = param(call, 'pipeline');
        const found = await stores.lifecycles.pipeline(pipelineId);
        if (found === null) throw new DomainError('PRN_PIPELINE_NOT_FOUND', { pipelineId });
        return { body: found };
      },
    }),
  ];
}
