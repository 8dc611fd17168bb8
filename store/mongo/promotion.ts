/**
 * The promotion: version, old champion, alias, history, routes, audit and event in one transaction, exactly once per
 * request. Readers see the old champion or the new one, never none and never two.
 */
import type { ClientSession } from 'mongodb';
import type { EndpointRoutes } from '../../domain/endpoint.js';
import { DomainError } from '../../domain/errors.js';
import { ChampionEntry, isLegalStageChange, Stage } from '../../domain/registry.js';
import type { PromotionRequest } from '../contracts/endpoints.js';
import type { AppendAudit } from './audit.js';
import { type Database, withoutId } from './database.js';
import { readEndpoint, requireControl, writeRoutes } from './endpoint-documents.js';
import { spendHoldout } from './holdout-uses.js';
import type { AppendEvent } from './outbox.js';

export interface PromotionDependencies {
  readonly append: AppendAudit;
  readonly appendEvent: AppendEvent;
  /** Places where fault tests may end the process. */
  readonly failpoint: (name: string) => Promise<void>;
}

interface Promoted {
  readonly entry: ChampionEntry;
  readonly routes: EndpointRoutes;
}

export async function promote(
  database: Database,
  dependencies: PromotionDependencies,
  request: PromotionRequest,
): Promise<Promoted> {
  await dependencies.failpoint('promote.before');
  const promoted = await database.transact((session) => promoteWithin(database, dependencies, { request, session }));
  await dependencies.failpoint('promote.after');
  return promoted;
}

async function promoteWithin(
  database: Database,
  { append, appendEvent, failpoint }: PromotionDependencies,
  { request, session }: { request: PromotionRequest; session: ClientSession },
): Promise<Promoted> {
  const { model, version, requestId, endpoint, actor, at, reason } = request;
  const models = database.collection('models');
  const head = await models.findOneAndUpdate(
    { _id: model },
    { $inc: { changes: 1 } },
    { returnDocument: 'after', session },
  );
  const endpointDocument = await database.collection('endpoints').findOne({ _id: endpoint }, { session });
  if (head === null || endpointDocument === null)
    throw new DomainError('PRN_ENDPOINT_NOT_FOUND', { endpoint, hint: '' });
  const state = readEndpoint(endpointDocument);

  const done = await database.collection('alias_history').findOne({ _id: requestId }, { session });
  if (done !== null) return { entry: ChampionEntry.parse(withoutId(done)), routes: state.routes };

  requireControl(state, request.controller);
  const champion = head['champion'] == null ? null : Number(head['champion']);
  const aliasRevision = Number(head['aliasRevision'] ?? 0);
  if (champion !== request.expectedChampion || aliasRevision !== request.expectedAliasRevision) {
    throw new DomainError('PRN_REGISTRY_STALE_EVIDENCE', { model, version });
  }
  const evidenceDigest = await changeStages(database, { request, champion, session });
  await failpoint('promote.inside');

  const entry: ChampionEntry = {
    model,
    version,
    previousVersion: champion,
    aliasRevision: aliasRevision + 1,
    requestId,
    reason,
    actor,
    validFrom: at,
    validTo: null,
    evidenceDigest,
  };
  await models.updateOne(
    { _id: model },
    { $set: { champion: version, aliasRevision: entry.aliasRevision } },
    { session },
  );
  await database
    .collection('alias_history')
    .updateMany({ model, validTo: null }, { $set: { validTo: at } }, { session });
  await database.collection('alias_history').insertOne({ _id: requestId, ...entry }, { session });
  const alias = { model, alias: 'champion', version, revision: entry.aliasRevision };
  await database.collection('aliases').replaceOne({ _id: `${model}/champion` }, alias, { upsert: true, session });

  const staged = state.routes.staged.filter((each) => each !== version);
  const salt = state.routes.salt === '' ? requestId : state.routes.salt;
  const routes: EndpointRoutes = {
    rev: state.routes.rev + 1,
    model,
    routes: [{ version, weight: 100 }],
    shadow: [...request.shadow],
    staged,
    salt,
  };
  await writeRoutes(database, { session, endpoint, requestId, routes });

  const details = {
    previousVersion: champion,
    aliasRevision: entry.aliasRevision,
    reason,
    evidenceDigest,
    rev: routes.rev,
  };
  await append(
    session,
    { scope: `model/${model}`, actor, action: 'champion.changed', subject: `${model}/${version}`, details },
    at,
  );
  await appendEvent(session, {
    model,
    eventId: `champion.changed/${requestId}`,
    type: 'champion.changed',
    payload: { version, previousVersion: champion },
  });
  return { entry, routes };
}

/** The old champion leaves first: the index that allows one production version per model holds at every moment. */
async function changeStages(
  database: Database,
  change: { request: PromotionRequest; champion: number | null; session: ClientSession },
): Promise<string> {
  const { request, champion, session } = change;
  const { model, version, reason } = request;
  const versions = database.collection('model_versions');
  const found = await versions.findOne({ model, version }, { session });
  if (found === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
  const stage = Stage.parse(found['stage']);
  if (!isLegalStageChange(stage, 'production', reason)) {
    throw new DomainError('PRN_REGISTRY_STAGE_CONFLICT', { model, version, actual: stage, wanted: 'production' });
  }
  if (champion !== null)
    await versions.updateOne({ model, version: champion }, { $set: { stage: 'archived' } }, { session });
  await versions.updateOne({ model, version }, { $set: { stage: 'production' } }, { session });
  if (reason === 'rollout') {
    const digest = String(found['evidence']?.holdoutDigest ?? '');
    const promoted = { version, attemptId: String(found['lineage']?.pipelineId ?? '') };
    await spendHoldout(database, { model, digest, promoted, session });
  }
  return String(found['evidenceDigest']);
}
