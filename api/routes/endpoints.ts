/** Endpoints: routes, and the clock of replays. */
import { z } from 'zod';
import { EndpointState } from '../../domain/endpoint.js';
import { DomainError } from '../../domain/errors.js';
import { didYouMean } from '../../domain/names.js';
import type { ApiDependencies } from '../dependencies.js';
import { listOf } from '../paging.js';
import { readTime } from '../present.js';
import { EndpointAnswer } from '../responses.js';
import { param, type Route, route } from '../route.js';

const WatermarkBody = z
  .strictObject({
    watermark: z.union([z.string(), z.number().int()]).meta({ description: 'ISO 8601 or microseconds' }),
  })
  .meta({ examples: [{ watermark: '2001-03-02T00:00:00Z' }] });
const WatermarkAnswer = z.strictObject({ endpoint: z.string(), watermark: z.number().int() });

export function endpointRoutes(dependencies: ApiDependencies): Route[] {
  const { stores, workflows } = dependencies;
  return [
    route({
      method: 'get',
      path: '/v1/endpoints',
      summary: 'Endpoints with their routes',
      action: 'read',
      response: listOf(EndpointState),
      handle: async () => ({ body: { items: await stores.endpoints.list() } }),
    }),
    route({
      method: 'get',
      path: '/v1/endpoints/:endpoint',
      summary: 'One endpoint: routes, watermark, traffic so far',
      action: 'read',
      response: EndpointAnswer,
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
      method: 'post',
      path: '/v1/endpoints/:endpoint/watermarks',
      summary: 'Say how far event time has come, for endpoints on the event clock',
      action: 'operate',
      status: 202,
      body: WatermarkBody,
      response: WatermarkAnswer,
      async handle(call) {
        const { endpoint, clock } = await requireEndpoint(dependencies, param(call, 'endpoint'));
        if (clock !== 'event')
          throw new DomainError('PRN_REQUEST_INVALID', {
            what: 'endpoint',
            problem: 'its clock is the wall clock, which nobody sets',
          });
        const watermark = readTime(call.body.watermark);
        await workflows.observe(endpoint, watermark);
        return { location: `/v1/endpoints/${endpoint}`, body: { endpoint, watermark } };
      },
    }),
  ];
}

/** The endpoint's state. Throws `PRN_ENDPOINT_NOT_FOUND` with the nearest name. */
export async function requireEndpoint({ stores }: ApiDependencies, endpoint: string): Promise<EndpointState> {
  const state = await stores.endpoints.get(endpoint);
  if (state !== null) return state;
  const known = (await stores.endpoints.list()).map((each) => each.endpoint);
  throw new DomainError('PRN_ENDPOINT_NOT_FOUND', { endpoint, hint: didYouMean(endpoint, known) });
}
