/** Features of past moments: ask, watch, and take the table. */
import { z } from 'zod';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import { DomainError } from '../../domain/errors.js';
import { parseFeatureName } from '../../domain/feature-names.js';
import { HistoricalRequest, Retrieval } from '../../domain/historical-retrieval.js';
import { didYouMean } from '../../domain/names.js';
import { parseIso } from '../../domain/time.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { requireDeclared } from '../require-declared.js';
import { type Call, param, type Route, route } from '../route.js';

const RetrievalId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const Body = HistoricalRequest.safeExtend({
  retrievalId: RetrievalId.optional().meta({ description: 'Makes a repeated call the same retrieval' }),
}).meta({
  examples: [
    {
      spine: { rows: [{ origin: 'ORD', event_ts: '2001-03-01T06:00:00Z' }] },
      features: ['origin-traffic:late_rate_7d'],
    },
  ],
});
const Started = z.strictObject({ retrievalId: z.string(), workflowId: z.string() });

export function historicalRoutes(dependencies: ApiDependencies): Route[] {
  const { stores } = dependencies;
  return [
    route({
      method: 'post',
      path: '/v1/features/historical',
      summary: 'Retrieve features as they were known at the time of each question',
      action: 'contribute',
      status: 202,
      body: Body,
      response: Started,
      handle: (call) => start(dependencies, call),
    }),
    route({
      method: 'get',
      path: '/v1/features/historical',
      summary: 'Historical retrievals, newest first',
      action: 'read',
      query: PageQuery,
      response: pageOf(Retrieval),
      async handle({ query }) {
        const read = (count: number) => stores.retrievals.list(count);
        return { body: await readPage(query, { read, idOf: ({ retrievalId }) => retrievalId }) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/features/historical/:retrieval',
      summary: 'One historical retrieval: its state, and what its table holds',
      action: 'read',
      response: Retrieval,
      async handle(call) {
        return { body: await requireRetrieval(dependencies, param(call, 'retrieval')) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/features/historical/:retrieval/table',
      summary: 'The table of a completed retrieval: the columns of the spine, then the features, in its order',
      action: 'read',
      response: z.unknown(),
      sends: MEDIA_TYPES.parquet,
      async handle(call) {
        const { retrievalId, state, result, error } = await requireRetrieval(dependencies, param(call, 'retrieval'));
        if (result === null) {
          const hint = error === null ? '' : `: ${error.message}`;
          throw new DomainError('PRN_RETRIEVAL_NOT_FINISHED', { retrievalId, state, hint });
        }
        const path = await stores.artifacts.localPath(result.table);
        const name = `features-${result.resultId}.parquet`;
        return { body: null, file: { path, mediaType: MEDIA_TYPES.parquet, name, etag: result.table.sha256 } };
      },
    }),
  ];
}

/** The same id again is the same retrieval; one that failed starts anew. */
async function start(
  { stores, workflows, now }: ApiDependencies,
  call: Call<z.infer<typeof Body>, unknown>,
): Promise<{ location: string; body: z.infer<typeof Started> }> {
  const { retrievalId = call.mintId('retrieval'), ...asked } = call.body;
  await requireKnown(stores, asked);
  const bytes = new TextEncoder().encode(canonicalJson(asked));
  const request: ArtifactRef = await stores.artifacts.put(bytes, MEDIA_TYPES.json);
  const opened = await stores.retrievals.open({
    retrievalId,
    requestedBy: call.actor.name,
    state: 'running',
    knowledge: asked.knowledge,
    leaks: asked.knowledge === 'latest',
    request,
    plan: null,
    result: null,
    error: null,
    startedTs: now(),
    endedTs: null,
  });
  if (opened.request.sha256 !== request.sha256)
    throw new DomainError('PRN_REQUEST_INVALID', {
      what: 'body',
      problem: `retrievalId ${retrievalId} belongs to another request already`,
    });
  if (opened.state === 'failed')
    await stores.retrievals.update(retrievalId, { state: 'running', plan: null, error: null, endedTs: null });
  // Also for one that runs: its record may have outlived a start that never reached Temporal.
  const workflowId = await workflows.retrieveHistorical({ retrievalId, request });
  return { location: `/v1/features/historical/${retrievalId}`, body: { retrievalId, workflowId } };
}

/** What can be said at once is said at once; the rest is found when the retrieval is planned. */
async function requireKnown(
  stores: ApiDependencies['stores'],
  { spine, features = [], featureService }: HistoricalRequest,
): Promise<void> {
  if ('dataset' in spine) {
    await requireDeclared(stores, 'Dataset', spine.dataset);
    for (const time of [spine.from, spine.to]) if (typeof time === 'string') parseIso(time);
  }
  await requireViews(
    stores,
    features.map((each) => (typeof each === 'string' ? parseFeatureName(each).view : each.view)),
  );
  if (featureService !== undefined) await requireDeclared(stores, 'Model', featureService.model);
}

/** Names all views that there are not. */
async function requireViews({ resources }: ApiDependencies['stores'], names: readonly string[]): Promise<void> {
  const known = (await resources.list('FeatureView')).map(({ name }) => name);
  const missing = [...new Set(names)].filter((name) => !known.includes(name));
  if (missing.length === 0) return;
  const name = missing.map((each) => `${each.slice(0, 100)}${didYouMean(each, known)}`).join(', ');
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'FeatureView', name, hint: '' });
}

async function requireRetrieval({ stores }: ApiDependencies, retrievalId: string): Promise<Retrieval> {
  const found = RetrievalId.safeParse(retrievalId).success ? await stores.retrievals.get(retrievalId) : null;
  if (found !== null) return found;
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'retrieval', name: retrievalId, hint: '' });
}
