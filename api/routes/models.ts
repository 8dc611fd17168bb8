/** Models: which there are, train, pause. What became of them lies in the registry's routes. */
import { z } from 'zod';
import { naturalKeyId } from '../../domain/ids.js';
import type { ModelSpec } from '../../domain/model.js';
import type { PipelineOutcome } from '../../domain/pipeline.js';
import { codeRequestId, CodeRevision, RetrainingRequest } from '../../domain/retraining.js';
import type { ResourceOf } from '../../domain/resources.js';
import { DomainError } from '../../domain/errors.js';
import type { ModelHead } from '../../domain/registry.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { ApiDependencies } from '../dependencies.js';
import { listOf, pageOf, PageQuery, readPage } from '../paging.js';
import { readTime } from '../present.js';
import { requireDeclared } from '../require-declared.js';
import { ModelAnswer, ModelSummary, RetrainingRequestAnswer } from '../responses.js';
import { type Call, param, type Route, route } from '../route.js';

const RunBody = z
  .strictObject({
    reason: z.string().min(1).max(1_000).default('asked for by a person'),
    requestId: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Makes a repeated call the same request, for ever' }),
    asOf: z
      .union([z.string(), z.number().int()])
      .optional()
      .meta({ description: 'Moment of knowledge; now, where it is left out' }),
    codeRevision: CodeRevision.optional().meta({
      description:
        'Trains for a change of the code: the same revision is the same pipeline, and a new one only after it failed',
    }),
  })
  .refine(
    ({ requestId, codeRevision }) => requestId === undefined || codeRevision === undefined,
    'a code revision is its own requestId: leave that out',
  )
  .meta({ examples: [{ reason: 'new features' }] });
const RunAnswer = z.strictObject({ model: z.string(), requestId: z.string(), pipelineId: z.string() });
const PauseBody = z
  .strictObject({ model: z.string(), paused: z.boolean(), reason: z.string().max(1_000).default('') })
  .meta({ examples: [{ model: 'flight-delay', paused: true, reason: 'the source is being repaired' }] });
const PauseAnswer = z.strictObject({ model: z.string(), paused: z.boolean() });

export function modelRoutes(dependencies: ApiDependencies): Route[] {
  const { stores, workflows } = dependencies;
  return [
    route({
      method: 'get',
      path: '/v1/models',
      summary: 'Models with their champions, also those that were never trained',
      action: 'read',
      response: listOf(ModelSummary),
      handle: async () => ({ body: { items: await summaries(dependencies) } }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model',
      summary: 'One model: what is in production, what waits, whether training is paused',
      action: 'read',
      response: ModelAnswer,
      async handle(call) {
        const model = param(call, 'model');
        const resource = await requireModel(dependencies, model);
        const [head, current, paused, waiting] = await Promise.all([
          stores.registry.head(model),
          stores.registry.champion(model),
          stores.lifecycles.isPaused(model),
          stores.lifecycles.requests(model, 'queued'),
        ]);
        const summary = summarize(head ?? untrained(model), resource);
        return { body: { ...summary, paused, current, waitingRequests: waiting.length } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/models/:model/runs',
      summary: 'Ask for a training; the lifecycle starts it when the slot is free',
      action: 'contribute',
      status: 202,
      body: RunBody,
      response: RunAnswer,
      handle: (call) => requestRun(dependencies, call),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/retraining-requests',
      summary: 'Wishes to train, with what became of them',
      action: 'read',
      query: PageQuery,
      response: pageOf(RetrainingRequestAnswer),
      async handle(call) {
        const model = param(call, 'model');
        await requireModel(dependencies, model);
        const read = () => stores.lifecycles.requests(model);
        return { body: await readPage(call.query, { read, idOf: ({ requestId }) => requestId }) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/pauses',
      summary: 'Freeze or resume the training of a model',
      action: 'operate',
      body: PauseBody,
      response: PauseAnswer,
      async handle({ body: { model, paused, reason }, actor, mintId }) {
        await requireModel(dependencies, model);
        await workflows.setPaused(model, paused, { requestId: mintId('pause'), actor: actor.name, reason });
        return { body: { model, paused } };
      },
    }),
  ];
}

/** Nothing is written here: the lifecycle owns its requests, and a request it knows already changes nothing. */
async function requestRun(dependencies: ApiDependencies, call: Call<z.infer<typeof RunBody>, unknown>) {
  const model = param(call, 'model');
  const { spec } = await requireModel(dependencies, model);
  const { reason, codeRevision, asOf } = call.body;
  if (codeRevision !== undefined) requireOnCode(model, spec.retraining.on);
  const requestId =
    codeRevision === undefined
      ? (call.body.requestId ?? call.mintId('run'))
      : await requestOfCode(dependencies, model, codeRevision);
  const request = RetrainingRequest.parse({
    requestId,
    reason,
    source: codeRevision === undefined ? 'manual' : 'code',
    codeRevision,
    requestedBy: call.actor.name,
    notBefore: null,
    asOf: asOf === undefined ? null : readTime(asOf),
  });
  await dependencies.workflows.requestRetraining(model, request);
  const pipelineId = pipelineIdOf(model, requestId);
  return { location: `/v1/pipelines/${pipelineId}`, body: { model, requestId, pipelineId } };
}

function requireOnCode(model: string, on: ModelSpec['retraining']['on']): void {
  if (!on.includes('code'))
    throw new DomainError('PRN_RETRAINING_NOT_ON_CODE', { model, on: on.join(', ') || 'nothing' });
}

/** Ends that say nothing about the code, after which the same revision may be tried again. */
const UNDECIDED: readonly PipelineOutcome[] = ['failed', 'cancelled', 'lost'];

/** The request that stands for a revision: its first one, or the first whose pipeline did not end undecided. */
async function requestOfCode(
  { stores }: Pick<ApiDependencies, 'stores'>,
  model: string,
  revision: CodeRevision,
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const requestId = codeRequestId(revision, attempt);
    const pipeline = await stores.lifecycles.pipeline(pipelineIdOf(model, requestId));
    if (pipeline === null || !UNDECIDED.includes(pipeline.outcome)) return requestId;
  }
}

function pipelineIdOf(model: string, requestId: string): string {
  return naturalKeyId(sha256Hex, ['pipeline', model, requestId]);
}

async function summaries({ stores }: ApiDependencies): Promise<z.infer<typeof ModelSummary>[]> {
  const [declared, heads] = await Promise.all([stores.resources.list('Model'), stores.registry.heads()]);
  const resources = declared.flatMap(({ resource }) => (resource.kind === 'Model' ? [resource] : []));
  // Versions outlive the declaration of their model, so both lists count.
  const names = new Set([...resources.map(({ metadata }) => metadata.name), ...heads.map(({ model }) => model)]);
  return [...names].sort().map((name) =>
    summarize(
      heads.find(({ model }) => model === name) ?? untrained(name),
      resources.find(({ metadata }) => metadata.name === name),
    ),
  );
}

function summarize(head: ModelHead, resource: ResourceOf<'Model'> | undefined): z.infer<typeof ModelSummary> {
  return { ...head, endpoint: resource?.spec.endpoint ?? null, owner: resource?.metadata.owner };
}

function untrained(model: string): ModelHead {
  return { model, latestVersion: 0, champion: null, aliasRevision: 0 };
}

/** The declared model. Throws `PRN_RESOURCE_NOT_FOUND`. */
export async function requireModel(
  { stores }: Pick<ApiDependencies, 'stores'>,
  model: string,
): Promise<ResourceOf<'Model'>> {
  const { resource } = await requireDeclared(stores, 'Model', model);
  if (resource.kind !== 'Model')
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Model', name: model, hint: '' });
  return resource;
}
