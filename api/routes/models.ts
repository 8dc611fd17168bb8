/** Models: train, versions, champion, rollback, pause. */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { naturalKeyId } from '../../domain/ids.js';
import type { ModelVersion } from '../../domain/registry.js';
import type { ResourceOf } from '../../domain/resources.js';
import { RetrainingRequest } from '../../domain/retraining.js';
import type { ApiDependencies } from '../dependencies.js';
import { readTime } from '../present.js';
import { param, type Route, route } from '../route.js';

const RunBody = z.strictObject({
  reason: z.string().min(1).max(1_000).default('asked for by a person'),
  requestId: z.string().min(1).max(100).optional(),
  asOf: z
    .union([z.string(), z.number().int()])
    .optional()
    .meta({ description: 'Moment of knowledge; now, where it is left out' }),
});
const RollbackBody = z.strictObject({
  reason: z.string().min(3).max(1_000),
  toVersion: z.number().int().positive().optional(),
});
const PauseBody = z.strictObject({ model: z.string(), paused: z.boolean(), reason: z.string().max(1_000).default('') });

export function modelRoutes(dependencies: ApiDependencies): Route[] {
  const { stores, workflows } = dependencies;
  const { registry } = stores;
  return [
    route({
      method: 'post',
      path: '/v1/models/:model/runs',
      summary: 'Ask for a training; the lifecycle starts it when the slot is free',
      action: 'contribute',
      body: RunBody,
      async handle(call) {
        const model = param(call, 'model');
        await requireModel(dependencies, model);
        const { reason, requestId = randomUUID(), asOf } = call.body;
        const request = RetrainingRequest.parse({
          requestId,
          reason,
          source: 'manual',
          requestedBy: call.actor.name,
          notBefore: null,
          asOf: asOf === undefined ? null : readTime(asOf),
        });
        await workflows.requestRetraining(model, request);
        const pipelineId = naturalKeyId(
          (text) => createHash('sha256').update(text).digest('hex'),
          ['pipeline', model, requestId],
        );
        return { status: 202, location: `/v1/pipelines/${pipelineId}`, body: { model, requestId, pipelineId } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/models',
      summary: 'Models with their champions',
      action: 'read',
      handle: async () => ({ body: { items: await registry.heads() } }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions',
      summary: 'Versions of a model, newest first, with stage and headline metrics',
      action: 'read',
      async handle(call) {
        await requireModel(dependencies, param(call, 'model'));
        return { body: { items: (await registry.versions(param(call, 'model'))).map(versionSummary) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version',
      summary: 'One version: bundle, evidence, lineage',
      action: 'read',
      handle: async (call) => ({ body: await requireVersion(dependencies, call.params) }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/lineage',
      summary: 'What a version was made from',
      action: 'read',
      handle: async (call) => ({ body: (await requireVersion(dependencies, call.params)).lineage }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/evidence',
      summary: 'Metrics and gate results of a version',
      action: 'read',
      handle: async (call) => ({ body: (await requireVersion(dependencies, call.params)).evidence }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/champion',
      summary: 'Which version is in production, or was at a moment; by whom and on which evidence',
      action: 'read',
      query: z.object({ at: z.string().optional() }),
      async handle(call) {
        const model = param(call, 'model');
        const { at } = call.query;
        const entry =
          at === undefined ? await registry.champion(model) : await registry.championAt(model, readTime(at));
        if (entry === null)
          throw new DomainError('PRN_MODEL_NO_CHAMPION', { model, when: at === undefined ? '' : ` at ${at}` });
        return { body: entry };
      },
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/champions',
      summary: 'Every change of the champion, newest first',
      action: 'read',
      handle: async (call) => ({ body: { items: await registry.championHistory(param(call, 'model')) } }),
    }),
    route({
      method: 'post',
      path: '/v1/models/:model/rollbacks',
      summary: 'Restore an earlier champion; pre-empts a running rollout',
      action: 'operate',
      body: RollbackBody,
      handle: (call) => rollBack(dependencies, { model: param(call, 'model'), actor: call.actor.name, ...call.body }),
    }),
    route({
      method: 'post',
      path: '/v1/pauses',
      summary: 'Freeze or resume the training of a model',
      action: 'operate',
      body: PauseBody,
      async handle({ body, actor }) {
        await requireModel(dependencies, body.model);
        await workflows.setPaused(body.model, body.paused, {
          requestId: randomUUID(),
          actor: actor.name,
          reason: body.reason,
        });
        return { body: { model: body.model, paused: body.paused } };
      },
    }),
  ];
}

async function rollBack(
  { stores, workflows }: ApiDependencies,
  wish: { model: string; actor: string; reason: string; toVersion?: number | undefined },
) {
  const { model, actor } = wish;
  const head = await stores.registry.head(model);
  const current = await stores.registry.champion(model);
  const version = wish.toVersion ?? current?.previousVersion ?? null;
  if (head === null || current === null || version === null)
    throw new DomainError('PRN_MODEL_NO_CHAMPION', { model, when: ' to go back to' });
  const { resource } = await requireModel({ stores }, model);
  const rolloutId = naturalKeyId(
    (text) => createHash('sha256').update(text).digest('hex'),
    ['rollback', model, version, head.aliasRevision],
  );
  const expected = { expectedChampion: head.champion, expectedAliasRevision: head.aliasRevision };
  const workflowId = await workflows.rollBack({
    rolloutId,
    requestId: rolloutId,
    model,
    version,
    endpoint: resource.spec.endpoint,
    actor,
    ...expected,
  });
  return {
    status: 202,
    location: `/v1/rollouts/${rolloutId}`,
    body: { rolloutId, workflowId, model, version, reason: wish.reason },
  };
}

export async function requireModel(
  { stores }: Pick<ApiDependencies, 'stores'>,
  model: string,
): Promise<{ resource: ResourceOf<'Model'> }> {
  const stored = await stores.resources.get('Model', model);
  if (stored === null || stored.resource.kind !== 'Model')
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Model', name: model, hint: '' });
  return { resource: stored.resource };
}

async function requireVersion(
  { stores }: ApiDependencies,
  params: Readonly<Record<string, string>>,
): Promise<ModelVersion> {
  const { model = '', version = '' } = params;
  const found = Number.isSafeInteger(Number(version)) ? await stores.registry.version(model, Number(version)) : null;
  if (found === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
  return found;
}

function versionSummary({
  model,
  version,
  stage,
  evidence,
  bundleDigest,
  createdTs,
  createdBy,
  lineage,
}: ModelVersion): unknown {
  const { metrics, outcome } = evidence;
  const { trainRows, holdoutRows, trigger } = lineage;
  return {
    model,
    version,
    stage,
    metrics,
    gates: outcome,
    bundleDigest,
    trigger,
    trainRows,
    holdoutRows,
    createdTs,
    createdBy,
  };
}
