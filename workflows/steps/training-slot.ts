/** The one training slot of a model: starts the first request that the rules admit. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { admitRequest, type RetrainingRequest } from '../../domain/retraining.js';
import type { TrainingPipelineInput } from '../contracts/lifecycle.js';
import { setKeywords } from '../search-attributes.js';
import { trainingPipeline } from '../training-pipeline.js';
import type { LifecycleRun } from './lifecycle-run.js';

export async function startDuePipeline(run: LifecycleRun): Promise<void> {
  const { state } = run;
  state.nextDueMs = null;
  state.waitingFor = {};
  if (state.running !== null) {
    for (const request of state.queued) state.waitingFor[request.requestId] = `pipeline ${state.running}`;
    return;
  }
  for (const request of state.queued) {
    const now = run.now();
    const admission = admitRequest({
      request,
      policy: state.policy,
      startedAt: state.startedAt,
      now: now ?? 0,
      paused: state.paused,
    });
    if (admission.admitted) {
      await startPipeline(run, request, now ?? request.asOf ?? 0);
      return;
    }
    const until = admission.until === null ? '' : ` until ${new Date(admission.until / 1_000).toISOString()}`;
    state.waitingFor[request.requestId] = `${admission.because}${until}`;
    if (state.clock === 'wall' && admission.until !== null) {
      const dueMs = admission.until / 1_000;
      state.nextDueMs = state.nextDueMs === null ? dueMs : Math.min(state.nextDueMs, dueMs);
    }
  }
}

/** The pipeline outlives this run of the entity: abandoned by it, and found again through its document. */
async function startPipeline(run: LifecycleRun, request: RetrainingRequest, startedAt: number): Promise<void> {
  const { state, activities, input } = run;
  const { model, timing } = input;
  const { pipelineId, workflowId } = await activities.openPipeline({ model, request, startedAt });
  const { requestId, source, codeRevision, requestedBy, reason, asOf } = request;
  const pipeline: TrainingPipelineInput = {
    pipelineId,
    model,
    requestId,
    trigger: source,
    ...(codeRevision !== undefined && { codeRevision }),
    requestedBy,
    reason,
    asOf,
    timing,
  };
  state.running = pipelineId;
  state.startedAt.push(startedAt);
  state.queued = state.queued.filter((queued) => queued.requestId !== requestId);
  setKeywords({ MlStage: 'training' });
  try {
    await startChild(trainingPipeline, {
      workflowId,
      args: [pipeline],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
      staticSummary: `Train ${model}: ${reason}`.slice(0, 180),
    });
  } catch (error) {
    // The child was started by an earlier run of this entity that ended before it could say so.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
