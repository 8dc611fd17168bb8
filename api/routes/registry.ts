/** The registry: versions with lineage and evidence, the champion now and then, and the way back to an earlier one. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { naturalKeyId } from '../../domain/ids.js';
import { Evidence } from '../../domain/evaluation.js';
import { ChampionEntry, Lineage, ModelVersion } from '../../domain/registry.js';
import { SkewCertificate } from '../../domain/skew-certificate.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { readTime } from '../present.js';
import { VersionSummary } from '../responses.js';
import { type Call, param, type Route, route } from '../route.js';
import { requireModel } from './models.js';

const ChampionQuery = z.object({ at: z.string().optional().meta({ description: 'ISO 8601; now, where left out' }) });
const RollbackBody = z
  .strictObject({
    reason: z.string().min(3).max(1_000),
    toVersion: z
      .number()
      .int()
      .positive()
      .optional()
      .meta({ description: 'An archived version; the champion before this one, where left out' }),
  })
  .meta({ examples: [{ reason: 'complaints about late flights' }] });
const RollbackAnswer = z.strictObject({
  rolloutId: z.string(),
  workflowId: z.string(),
  model: z.string(),
  version: z.number().int(),
  reason: z.string(),
});

export function registryRoutes(dependencies: ApiDependencies): Route[] {
  const { registry } = dependencies.stores;
  return [
    route({
      method: 'get',
      path: '/v1/models/:model/versions',
      summary: 'Versions of a model, newest first, with stage and headline metrics',
      action: 'read',
      query: PageQuery,
      response: pageOf(VersionSummary),
      async handle(call) {
        const model = param(call, 'model');
        await requireModel(dependencies, model);
        const read = () => registry.versions(model);
        const { items, next } = await readPage(call.query, { read, idOf: ({ version }) => String(version) });
        return { body: { items: items.map(versionSummary), next } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version',
      summary: 'One version: bundle, evidence, lineage',
      action: 'read',
      response: ModelVersion,
      handle: async (call) => ({ body: await requireVersion(dependencies, call.params) }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/lineage',
      summary: 'What a version was made from',
      action: 'read',
      response: Lineage,
      handle: async (call) => ({ body: (await requireVersion(dependencies, call.params)).lineage }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/evidence',
      summary: 'Metrics and gate results of a version',
      action: 'read',
      response: Evidence,
      handle: async (call) => ({ body: (await requireVersion(dependencies, call.params)).evidence }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/skew-certificate',
      summary: 'Proof that a version computes its features alike offline and online, feature by feature',
      action: 'read',
      response: SkewCertificate,
      handle: async (call) => ({ body: await readCertificate(dependencies, call.params) }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/champion',
      summary: 'Which version is in production, or was at a moment; by whom and on which evidence',
      action: 'read',
      query: ChampionQuery,
      response: ChampionEntry,
      async handle(call) {
        const model = param(call, 'model');
        const { at } = call.query;
        const found =
          at === undefined ? await registry.champion(model) : await registry.championAt(model, readTime(at));
        if (found !== null) return { body: found };
        await requireModel(dependencies, model);
        throw new DomainError('PRN_MODEL_NO_CHAMPION', { model, when: at === undefined ? '' : ` at ${at}` });
      },
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/champions',
      summary: 'Every change of the champion, newest first',
      action: 'read',
      query: PageQuery,
      response: pageOf(ChampionEntry),
      async handle(call) {
        const read = () => registry.championHistory(param(call, 'model'));
        return { body: await readPage(call.query, { read, idOf: ({ aliasRevision }) => String(aliasRevision) }) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/models/:model/rollbacks',
      summary: 'Restore an earlier champion; pre-empts a running rollout',
      action: 'operate',
      status: 202,
      body: RollbackBody,
      response: RollbackAnswer,
      handle: (call) => rollBack(dependencies, call),
    }),
  ];
}

/** Throws `PRN_MODEL_NOT_CERTIFIED` where a version has no certificate yet. */
async function readCertificate(
  dependencies: ApiDependencies,
  params: Readonly<Record<string, string>>,
): Promise<SkewCertificate> {
  const { model, version, skew } = await requireVersion(dependencies, params);
  if (skew === undefined) throw new DomainError('PRN_MODEL_NOT_CERTIFIED', { model, version });
  return getJson(dependencies.stores.artifacts, skew.certificate, SkewCertificate);
}

/** The same wish against the same state of the registry is the same rollout. */
async function rollBack(dependencies: ApiDependencies, call: Call<z.infer<typeof RollbackBody>, unknown>) {
  const { stores, workflows, now } = dependencies;
  const { reason, toVersion } = call.body;
  const actor = call.actor.name;
  const model = param(call, 'model');
  const { spec } = await requireModel(dependencies, model);
  const head = await stores.registry.head(model);
  const current = await stores.registry.champion(model);
  const version = toVersion ?? current?.previousVersion ?? null;
  if (head === null || current === null || version === null)
    throw new DomainError('PRN_MODEL_NO_CHAMPION', { model, when: ' to go back to' });
  await requireArchived(dependencies, model, version);
  const rolloutId = naturalKeyId(sha256Hex, ['rollback', model, version, head.aliasRevision]);
  const details = { reason, rolloutId, fromVersion: current.version };
  const facts = { actor, action: 'rollback.requested', subject: `${model}/${version}`, details };
  await stores.audit.append({ scope: `model/${model}`, ...facts }, now());
  const workflowId = await workflows.rollBack({
    rolloutId,
    requestId: rolloutId,
    model,
    version,
    endpoint: spec.endpoint,
    actor,
    expectedChampion: head.champion,
    expectedAliasRevision: head.aliasRevision,
  });
  return { location: `/v1/rollouts/${rolloutId}`, body: { rolloutId, workflowId, model, version, reason } };
}

/** Only what was in production before can be restored. */
async function requireArchived(dependencies: ApiDependencies, model: string, version: number): Promise<void> {
  const { stage } = await requireVersion(dependencies, { model, version: String(version) });
  if (stage !== 'archived')
    throw new DomainError('PRN_REGISTRY_STAGE_CONFLICT', { model, version, actual: stage, wanted: 'production' });
}

export async function requireVersion(
  { stores }: ApiDependencies,
  params: Readonly<Record<string, string>>,
): Promise<ModelVersion> {
  const { model = '', version = '' } = params;
  const found = /^[1-9]\d{0,8}$/.test(version) ? await stores.registry.version(model, Number(version)) : null;
  if (found === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
  return found;
}

function versionSummary(found: ModelVersion): z.infer<typeof VersionSummary> {
  const { model, version, stage, evidence, bundleDigest, createdTs, createdBy, lineage } = found;
  const { task, metrics, outcome: gates } = evidence;
  const { trainRows, holdoutRows, trigger } = lineage;
  return {
    model,
    version,
    stage,
    task,
    metrics,
    gates,
    bundleDigest,
    trigger,
    trainRows,
    holdoutRows,
    createdTs,
    createdBy,
  };
}
