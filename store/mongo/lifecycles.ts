/** Retraining requests, pipelines, pause and policy of models. */
import { RetrainingSpec } from '../../domain/model.js';
import { Pipeline } from '../../domain/pipeline.js';
import { RetrainingRequest } from '../../domain/retraining.js';
import type { LifecycleStore, StoredRequest } from '../contracts/lifecycles.js';
import type { AppendAudit } from './audit.js';
import { type Database, isDuplicateKey, type StoredDocument, withoutId } from './database.js';

export function createLifecycleStore(
  database: Database,
  dependencies: { append: AppendAudit; now: () => number },
): LifecycleStore {
  const { append, now } = dependencies;
  const requests = database.collection('retraining_requests');
  const pipelines = database.collection('pipelines');
  const lifecycles = database.collection('lifecycles');

  return {
    async insertRequest(model, request, receivedTs) {
      try {
        await requests.insertOne({
          _id: `${model}/${request.requestId}`,
          model,
          request,
          state: 'queued',
          pipelineId: null,
          receivedTs,
        });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    async requests(model, state) {
      const found = await requests
        .find({ model, ...(state && { state }) })
        .sort({ receivedTs: 1, _id: 1 })
        .toArray();
      return found.map(readRequest);
    },
    async setRequestState({ model, requestId, state, pipelineId }) {
      await requests.updateOne({ _id: `${model}/${requestId}` }, { $set: { state, pipelineId } });
    },
    async openPipeline(pipeline) {
      await pipelines.updateOne({ _id: pipeline.pipelineId }, { $setOnInsert: { ...pipeline } }, { upsert: true });
      const stored = await pipelines.findOne({ _id: pipeline.pipelineId });
      return stored === null ? pipeline : Pipeline.parse(withoutId(stored));
    },
    async updatePipeline(pipelineId, changes) {
      await pipelines.updateOne({ _id: pipelineId }, { $set: { ...changes } });
    },
    async pipeline(pipelineId) {
      const found = await pipelines.findOne({ _id: pipelineId });
      return found === null ? null : Pipeline.parse(withoutId(found));
    },
    async pipelines({ model, limit = 200 }) {
      const found = await pipelines
        .find(model === undefined ? {} : { model })
        .sort({ startedTs: -1 })
        .limit(limit)
        .toArray();
      return found.map((document) => Pipeline.parse(withoutId(document)));
    },
    setPaused: (model, paused, actor) =>
      database.transact(async (session) => {
        const before = await lifecycles.findOne({ _id: model }, { session });
        if ((before?.['paused'] ?? false) === paused) return;
        await lifecycles.updateOne({ _id: model }, { $set: { paused } }, { upsert: true, session });
        const action = paused ? 'lifecycle.paused' : 'lifecycle.resumed';
        await append(session, { scope: `model/${model}`, actor, action, subject: model, details: {} }, now());
      }),
    async isPaused(model) {
      return (await lifecycles.findOne({ _id: model }))?.['paused'] === true;
    },
    setPolicy: ({ model, policy, modelRevision, actor }) =>
      database.transact(async (session) => {
        await lifecycles.updateOne(
          { _id: model },
          { $set: { policy, policyRevision: modelRevision } },
          { upsert: true, session },
        );
        await append(
          session,
          { scope: `model/${model}`, actor, action: 'lifecycle.policy', subject: model, details: { ...policy } },
          now(),
        );
      }),
    async policy(model) {
      const found = await lifecycles.findOne({ _id: model });
      if (found?.['policy'] == null) return null;
      return { policy: RetrainingSpec.parse(found['policy']), modelRevision: Number(found['policyRevision']) };
    },
  };
}

function readRequest({ model, request, state, pipelineId, receivedTs }: StoredDocument): StoredRequest {
  return {
    ...RetrainingRequest.parse(request),
    model: String(model),
    state,
    pipelineId: pipelineId ?? null,
    receivedTs: Number(receivedTs),
  };
}
