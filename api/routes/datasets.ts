/** Datasets: ingestions and versions. */
import { z } from 'zod';
import { DatasetVersion, Segment } from '../../domain/dataset.js';
import { declaredSourceUri } from '../../domain/dataset-source.js';
import { DomainError } from '../../domain/errors.js';
import type { Resource } from '../../domain/resources.js';
import { uploadIdIn } from '../../domain/upload.js';
import type { Ingestion } from '../../store/contracts/datasets.js';
import type { Stores } from '../../store/contracts/index.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { requireDeclared } from '../require-declared.js';
import { IngestionAnswer } from '../responses.js';
import { type Call, param, type Route, route } from '../route.js';
import { validationRoutes } from './validation.js';

const IngestBody = z
  .strictObject({
    source: z.string().min(1).max(2_000).optional().meta({
      description:
        'upload:ID of an upload, a path, a pattern of paths or a file: URL on the worker, inside an allowed folder, or an https: URL of an allowed host; what the dataset declares where it is left out',
    }),
    ingestionId: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .optional()
      .meta({ description: 'Makes a repeated call the same ingestion' }),
  })
  .meta({ examples: [{ source: '/data/landing/flights.parquet' }] });
const StartedIngestion = IngestionAnswer.extend({ workflowId: z.string().optional() });
const VersionAnswer = DatasetVersion.omit({ segmentIds: true }).extend({ segments: z.number().int() });
const WholeVersionAnswer = DatasetVersion.extend({
  segments: z.array(Segment.extend({ commitSeq: z.number().int(), commitKnownTs: z.number().int() })),
});

export function datasetRoutes(dependencies: ApiDependencies): Route[] {
  const { stores } = dependencies;
  return [
    route({
      method: 'post',
      path: '/v1/datasets/:dataset/ingestions',
      summary: 'Ingest a source into a dataset',
      action: 'contribute',
      status: 202,
      body: IngestBody,
      response: StartedIngestion,
      handle: (call) => startIngestion(dependencies, call),
    }),
    route({
      method: 'get',
      path: '/v1/ingestions/:ingestion',
      summary: 'State of an ingestion',
      action: 'read',
      response: IngestionAnswer,
      async handle(call) {
        const found = await stores.datasets.getIngestion(param(call, 'ingestion'));
        return { body: found ?? notFound('ingestion', param(call, 'ingestion')) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/ingestions',
      summary: 'Ingestions of a dataset, newest first',
      action: 'read',
      query: PageQuery,
      response: pageOf(IngestionAnswer),
      async handle(call) {
        const dataset = param(call, 'dataset');
        await requireDeclared(stores, 'Dataset', dataset);
        const read = (count: number) => stores.datasets.listIngestions(dataset, count);
        return { body: await readPage(call.query, { read, idOf: ({ ingestionId }) => ingestionId }) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/versions',
      summary: 'Versions of a dataset, newest first',
      action: 'read',
      query: PageQuery,
      response: pageOf(VersionAnswer),
      async handle(call) {
        const dataset = param(call, 'dataset');
        await requireDeclared(stores, 'Dataset', dataset);
        const read = (count: number) => stores.datasets.versions(dataset, count);
        const { items, next } = await readPage(call.query, { read, idOf: ({ versionId }) => versionId });
        const summaries = items.map(({ segmentIds, ...version }) => ({ ...version, segments: segmentIds.length }));
        return { body: { items: summaries, next } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/versions/:version',
      summary: 'One version with its segments',
      action: 'read',
      response: WholeVersionAnswer,
      async handle(call) {
        const [dataset, versionId] = [param(call, 'dataset'), param(call, 'version')];
        await requireDeclared(stores, 'Dataset', dataset);
        const version =
          (await stores.datasets.version(dataset, versionId)) ?? notFound(`version of dataset ${dataset}`, versionId);
        return { body: { ...version, segments: await stores.datasets.segments(version) } };
      },
    }),
    ...validationRoutes(dependencies),
  ];
}

/** The same id again is the same ingestion; only one that failed starts anew. */
async function startIngestion(
  { stores, workflows, now }: ApiDependencies,
  call: Call<z.infer<typeof IngestBody>, unknown>,
) {
  const dataset = param(call, 'dataset');
  const { resource } = await requireDeclared(stores, 'Dataset', dataset);
  const { source, ingestionId = call.mintId('ingestion') } = call.body;
  const sourceUri = sourceOf(resource, source);
  await requireUpload(stores, dataset, sourceUri);
  const location = `/v1/ingestions/${ingestionId}`;
  const standing = await stores.datasets.getIngestion(ingestionId);
  const request = { ingestionId, dataset, sourceUri, requestedBy: call.actor.name };
  if (standing !== null) requireSameIngestion(standing, request);
  if (standing !== null && standing.state !== 'failed' && standing.state !== 'running')
    return { location, body: standing };
  const ingestion = standing?.state === 'running' ? standing : { ...request, ...justStarted(now()) };
  if (ingestion !== standing) await stores.datasets.saveIngestion(ingestion);
  // Also for one that runs: its record may have outlived a start that never reached Temporal.
  const workflowId = await workflows.ingestDataset(request);
  return { location, body: { ...ingestion, workflowId } };
}

/** The rows of a query are made of other datasets and of nothing else. */
function sourceOf({ kind, metadata, spec }: Resource, given: string | undefined): string {
  const declared = kind === 'Dataset' ? declaredSourceUri(metadata.name, spec) : null;
  const isQuery = kind === 'Dataset' && spec.query !== undefined;
  if (isQuery && given !== undefined && given !== declared) {
    const problem = `dataset ${metadata.name} is made by a query: leave source out`;
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
  }
  const sourceUri = given ?? declared;
  if (sourceUri !== null) return sourceUri;
  const problem = `dataset ${metadata.name} declares no source: name one`;
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}

/** An upload that is not there would be found missing by the worker only. */
async function requireUpload({ uploads }: Pick<Stores, 'uploads'>, dataset: string, sourceUri: string): Promise<void> {
  if (!/^(upload|quarantine):/.test(sourceUri)) return;
  const uploadId = uploadIdIn(sourceUri);
  const upload = uploadId === null ? null : await uploads.upload(uploadId);
  if (upload?.dataset !== dataset)
    throw new DomainError('PRN_UPLOAD_NOT_FOUND', { dataset, uploadId: uploadId ?? sourceUri });
}

function justStarted(startedTs: number) {
  const empty = {
    commitSeq: null,
    versionId: null,
    accepted: 0,
    quarantined: 0,
    warnings: [],
    report: null,
    error: null,
  };
  return { state: 'running' as const, ...empty, startedTs, endedTs: null };
}

function requireSameIngestion(standing: Ingestion, asked: { dataset: string; sourceUri: string }): void {
  if (standing.dataset === asked.dataset && standing.sourceUri === asked.sourceUri) return;
  const problem = `ingestionId ${standing.ingestionId} belongs to ${standing.sourceUri} into ${standing.dataset} already`;
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}

function notFound(kind: string, name: string): never {
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name, hint: '' });
}
