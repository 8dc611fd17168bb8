/** The Temporal client as activities see it. */
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowPort } from '../../activities/ports.js';
import { TASK_QUEUES, workflowIds } from '../../domain/ids.js';
import type { Timing } from '../../workflows/contracts/common.js';
import {
  guardrailBreachedSignal,
  observeSignal,
  requestRetrainingSignal,
  WORKFLOW_TYPES,
} from '../../workflows/messages.js';

export function createWorkflowPort(client: Client, timing: Timing): WorkflowPort {
  const { workflow } = client;
  return {
    async ingestDataset(input) {
      const options = {
        workflowId: workflowIds.ingestDataset(input.ingestionId),
        taskQueue: TASK_QUEUES.orchestration,
        args: [{ ...input, timing }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        staticSummary: `Ingest ${input.dataset} from ${input.sourceUri}`.slice(0, 180),
      } as const;
      await tolerateStarted(() => workflow.start(WORKFLOW_TYPES.ingestDataset, options));
    },
    async materializeFeatures(input) {
      const options = {
        workflowId: workflowIds.materializeFeatures(input.view, input.materializationId),
        taskQueue: TASK_QUEUES.orchestration,
        args: [{ ...input, timing }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        staticSummary: `Materialise ${input.view}`,
      } as const;
      await tolerateStarted(() => workflow.start(WORKFLOW_TYPES.materializeFeatures, options));
    },
    async quarantineCase({ caseId, dataset }) {
      const options = {
        workflowId: workflowIds.quarantineCase(caseId),
        taskQueue: TASK_QUEUES.orchestration,
        args: [{ caseId, dataset, timing }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        staticSummary: `Quarantined rows of ${dataset}`,
      } as const;
      await tolerateStarted(() => workflow.start(WORKFLOW_TYPES.quarantineCase, options));
    },
    async requestRetraining(model, request) {
      await workflow.signalWithStart(WORKFLOW_TYPES.modelLifecycle, {
        workflowId: workflowIds.modelLifecycle(model),
        taskQueue: TASK_QUEUES.orchestration,
        args: [{ model, timing }],
        signal: requestRetrainingSignal,
        signalArgs: [request],
        staticSummary: `Lifecycle of ${model}`,
      });
    },
    observe: (workflowId, watermark) =>
      tolerateGone(() => workflow.getHandle(workflowId).signal(observeSignal, { watermark })),
    reportBreach: (workflowId, breach) =>
      tolerateGone(() => workflow.getHandle(workflowId).signal(guardrailBreachedSignal, breach)),
    async state(workflowId) {
      try {
        const { status } = await workflow.getHandle(workflowId).describe();
        return status.name === 'RUNNING' ? 'running' : 'ended';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'missing';
        throw error;
      }
    },
  };
}

/** One that runs, or has ended well, is what was wanted. */
async function tolerateStarted(start: () => Promise<unknown>): Promise<void> {
  try {
    await start();
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

async function tolerateGone(send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
