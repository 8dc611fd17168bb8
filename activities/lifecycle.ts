/** What a lifecycle knows and keeps: requests, pipelines, pause and policy. Documents are the truth, histories are not. */
import { type Sha256Hex, naturalKeyId, workflowIds } from '../domain/ids.js';
import type { RetrainingSpec } from '../domain/model.js';
import type { Stores } from '../store/contracts/index.js';
import type { LifecycleActivities, LifecycleRecord } from '../workflows/contracts/lifecycle.js';
import { endPipelineRun } from './pipeline-run-log.js';
import type { Clock, WorkflowPort } from './ports.js';
import { requireEndpoint } from './rollout.js';
import { requireResource } from './declared.js';

/** Stages in which a pipeline holds the training slot of its model. */
const TRAINING_STAGES = ['queued', 'snapshot', 'training_dataset', 'training', 'evaluation', 'registration'];

export function createLifecycleActivities(dependencies: {
  stores: Stores;
  workflows: WorkflowPort;
  now: Clock;
  sha256Hex: Sha256Hex;
}) {
  const { stores, workflows, now, sha256Hex } = dependencies;
  const { lifecycles } = stores;

  return {
    async loadLifecycle({ model }): Promise<LifecycleRecord> {
      const { revision, resource } = await requireResource(stores, 'Model', model);
      const endpoint = await requireEndpoint(stores, resource.spec.endpoint);
      const pipelines = await lifecycles.pipelines({ model, limit: 50 });
      const running = pipelines.find(({ outcome, stage }) => outcome === 'running' && TRAINING_STAGES.includes(stage));
      return {
        paused: await lifecycles.isPaused(model),
        clock: endpoint.clock,
        watermark: endpoint.watermark,
        policy: await standingPolicy(stores, { model, revision, declared: resource.spec.retraining }),
        queued: (await lifecycles.requests(model, 'queued')).map(
          ({ model: _model, state: _state, pipelineId: _pipelineId, receivedTs: _receivedTs, ...request }) => request,
        ),
        startedAt: pipelines.map(({ startedAt }) => startedAt).sort((left, right) => left - right),
        running: running?.pipelineId ?? null,
      };
    },

    async receiveRequest({ model, request }) {
      return { inserted: await lifecycles.insertRequest(model, request, now()) };
    },

    async openPipeline({ model, request, startedAt }) {
      const pipelineId = naturalKeyId(sha256Hex, ['pipeline', model, request.requestId]);
      const workflowId = workflowIds.trainingPipeline(pipelineId);
      const { requestId, source: trigger, requestedBy, codeRevision = null } = request;
      await lifecycles.openPipeline({
        pipelineId,
        model,
        workflowId,
        requestId,
        trigger,
        codeRevision,
        requestedBy,
        stage: 'queued',
        outcome: 'running',
        reasons: [],
        version: null,
        judged: null,
        approvalId: null,
        rolloutId: null,
        startedTs: now(),
        startedAt,
        closedTs: null,
      });
      await lifecycles.setRequestState({ model, requestId, state: 'started', pipelineId });
      return { pipelineId, workflowId };
    },

    async inspectPipeline({ pipelineId }) {
      const pipeline = await lifecycles.pipeline(pipelineId);
      if (pipeline === null || pipeline.outcome !== 'running') return { state: 'ended' };
      if ((await workflows.state(pipeline.workflowId)) === 'running') {
        return { state: TRAINING_STAGES.includes(pipeline.stage) ? 'running' : 'ended' };
      }
      const reasons = ['the workflow ended without a report'];
      await lifecycles.updatePipeline(pipelineId, { stage: 'closed', outcome: 'lost', reasons, closedTs: now() });
      await endPipelineRun({ stores, sha256Hex }, { pipelineId, outcome: 'lost', reasons });
      return { state: 'lost' };
    },

    async setRetrainingPolicy({ model, policy, actor }) {
      const { revision } = await requireResource(stores, 'Model', model);
      await lifecycles.setPolicy({ model, policy, modelRevision: revision, actor });
    },

    async setPaused({ model, paused, actor }) {
      await lifecycles.setPaused(model, paused, actor);
    },

    async recordPipeline({ pipelineId, stage, outcome, reasons, version, approvalId, rolloutId, judged }) {
      const closedTs = outcome === 'running' ? null : now();
      await lifecycles.updatePipeline(pipelineId, {
        stage,
        outcome,
        reasons: [...reasons],
        version,
        approvalId,
        rolloutId,
        closedTs,
        ...(judged && { judged }),
      });
      await endPipelineRun({ stores, sha256Hex }, { pipelineId, outcome, reasons });
    },
  } satisfies LifecycleActivities;
}

/** A policy set at run time stands until the model is applied anew. */
async function standingPolicy(
  stores: Stores,
  { model, revision, declared }: { model: string; revision: number; declared: RetrainingSpec },
): Promise<RetrainingSpec> {
  const set = await stores.lifecycles.policy(model);
  return set !== null && set.modelRevision === revision ? set.policy : declared;
}
