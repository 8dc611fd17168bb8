/** Datasets: ingestions, versions, quarantine. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import type { ApiDependencies } from '../dependencies.js';
import { param, type Route, route } from '../route.js';

const IngestBody = z.strictObject({
  source: z
    .string()
    .min(1)
    .max(2_000)
    .meta({ description: 'Path or file: URL on the worker, inside an allowed folder' }),
  ingestionId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional()
    .meta({ description: 'Makes a repeated call the same ingestion' }),
});
const ListQuery = z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(100) });

export function datasetRoutes({ stores, workflows, now }: ApiDependencies): Route[] {
  const requireDataset = async (name: string): Promise<void> => {
    if ((await stores.resources.get('Dataset', name)) === null)
      throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Dataset', name, hint: '' });
  };
  return [
    route({
      method: 'post',
      path: '/v1/datasets/:dataset/ingestions',
      summary: 'Ingest a source into a dataset',
      action: 'contribute',
      body: IngestBody,
      async handle(call) {
        const dataset = param(call, 'dataset');
        await requireDataset(dataset);
        const { source: sourceUri, ingestionId = randomUUID() } = call.body;
        const standing = await stores.datasets.getIngestion(ingestionId);
        const location = `/v1/ingestions/${ingestionId}`;
        if (standing !== null && standing.state !== 'failed') return { status: 202, location, body: standing };
        const requestedBy = call.actor.name;
        const ingestion = { ingestionId, dataset, sourceUri, requestedBy };
        const empty = {
          state: 'running' as const,
          commitSeq: null,
          versionId: null,
          accepted: 0,
          quarantined: 0,
          warnings: [],
          error: null,
          startedTs: now(),
          endedTs: null,
        };
        await stores.datasets.saveIngestion({ ...ingestion, ...empty });
        const workflowId = await workflows.ingestDataset(ingestion);
        return { status: 202, location, body: { ...ingestion, workflowId, state: 'running' } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/ingestions/:ingestion',
      summary: 'State of an ingestion',
      action: 'read',
      async handle(call) {
        const found = await stores.datasets.getIngestion(param(call, 'ingestion'));
        if (found === null)
          throw new DomainError('PRN_RESOURCE_NOT_FOUND', {
            kind: 'ingestion',
            name: param(call, 'ingestion'),
            hint: '',
          });
        return { body: found };
      },
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/ingestions',
      summary: 'Ingestions of a dataset, newest first',
      action: 'read',
      query: ListQuery,
      handle: async (call) => ({
        body: { items: await stores.datasets.listIngestions(param(call, 'dataset'), call.query.limit) },
      }),
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/versions',
      summary: 'Versions of a dataset, newest first',
      action: 'read',
      query: ListQuery,
      async handle(call) {
        await requireDataset(param(call, 'dataset'));
        const versions = await stores.datasets.versions(param(call, 'dataset'), call.query.limit);
        return {
          body: { items: versions.map(({ segmentIds, ...version }) => ({ ...version, segments: segmentIds.length })) },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/versions/:version',
      summary: 'One version with its segments and their validation reports',
      action: 'read',
      async handle(call) {
        const [dataset, versionId] = [param(call, 'dataset'), param(call, 'version')];
        const version = await stores.datasets.version(dataset, versionId);
        if (version === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset, hint: ` ${versionId}` });
        return { body: { ...version, segments: await stores.datasets.segments(version) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/quarantine',
      summary: 'Quarantine cases: rows that expectations refused',
      action: 'read',
      query: z.object({ dataset: z.string().optional() }),
      handle: async ({ query }) => ({ body: { items: await stores.datasets.quarantineCases(query.dataset) } }),
    }),
    route({
      method: 'get',
      path: '/v1/quarantine/:case',
      summary: 'One quarantine case',
      action: 'read',
      async handle(call) {
        const found = await stores.datasets.quarantineCase(param(call, 'case'));
        if (found === null)
          throw new DomainError('PRN_RESOURCE_NOT_FOUND', {
            kind: 'quarantine case',
            name: param(call, 'case'),
            hint: '',
          });
        return { body: found };
      },
    }),
  ];
}
