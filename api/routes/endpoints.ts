/** Endpoints: routes, windows, and the clock of replays. */
import { z } from 'zod';
import { EndpointState } from '../../domain/endpoint.js';
import { DomainError } from '../../domain/errors.js';
import { WindowReport } from '../../domain/monitoring.js';
import { didYouMean } from '../../domain/names.js';
import type { ApiDependencies } from '../dependencies.js';
import { listOf, PageQuery } from '../paging.js';
import { readTime } from '../present.js';
import { EndpointAnswer } from '../responses.js';
import { param, type Route, route } from '../route.js';

const WindowsQuery = z.object({
  version: z.coerce.number().int().positive().optional(),
  after: z.string().optional().meta({ description: 'Only windows that end after this time, ISO 8601' }),
  through: z.string().optional().meta({ description: 'Only windows that end by this time, ISO 8601' }),
  limit: PageQuery.shape.limit.meta({ description: 'The newest of them' }),
});
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
      method: 'get',
      path: '/v1/endpoints/:endpoint/windows',
      summary: 'Reports of closed windows, oldest first',
      action: 'read',
      query: WindowsQuery,
      response: listOf(WindowReport.omit({ prediction: true })),
      async handle(call) {
        const { endpoint } = await requireEndpoint(dependencies, param(call, 'endpoint'));
        const { version, after, through, limit } = call.query;
        const reports = await stores.monitoring.reports({
          endpoint,
          limit,
          ...(version !== undefined && { version }),
          ...(after !== undefined && { from: readTime(after) }),
          ...(through !== undefined && { to: readTime(through) }),
        });
        return { body: { items: reports.map(({ prediction: _histogram, ...report }) => report) } };
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
