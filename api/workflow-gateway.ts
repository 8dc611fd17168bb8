/** The Temporal client as the API uses it: every call has a deadline, so that an absent server answers 503, not never. */
import { type Client, ServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { DomainError } from '../domain/errors.js';
import { TASK_QUEUES, workflowIds } from '../domain/ids.js';
import {
  abortSignal,
  type AbortMessage,
  type ApproveStepMessage,
  approveStepSignal,
  decideApprovalSignal,
  type DecisionMessage,
  type IngestDatasetInput,
  type MaterializeFeaturesInput,
  observeSignal,
  type PauseMessage,
  pauseUpdate,
  type RetrainingRequest,
  requestRetrainingSignal,
  resumeUpdate,
  type RolloutInput,
  WORKFLOW_TYPES,
} from '../workflows/messages.js';

export interface WorkflowGateway {
  ingestDataset(input: Omit<IngestDatasetInput, 'timing'>): Promise<string>;
  materializeFeatures(input: Omit<MaterializeFeaturesInput, 'timing'>): Promise<string>;
  requestRetraining(model: string, request: RetrainingRequest): Promise<void>;
  watchEndpoint(endpoint: string): Promise<void>;
  observe(endpoint: string, watermark: number): Promise<void>;
  rollBack(input: Omit<RolloutInput, 'timing' | 'kind'>): Promise<string>;
  decide(workflowId: string, message: DecisionMessage): Promise<void>;
  abortRollout(workflowId: string, message: AbortMessage): Promise<void>;
  approveStep(workflowId: string, message: ApproveStepMessage): Promise<void>;
  setPaused(model: string, paused: boolean, message: PauseMessage): Promise<void>;
  isReachable(): Promise<boolean>;
}

const DEADLINE_MS = 5_000;

export function createWorkflowGateway(client: Client, timing: 'production' | 'test'): WorkflowGateway {
  const { workflow, connection } = client;
  const taskQueue = TASK_QUEUES.orchestration;
  const call = <T>(work: () => Promise<T>): Promise<T> => withDeadline(client, work);

  return {
    async ingestDataset(input) {
      const workflowId = workflowIds.ingestDataset(input.ingestionId);
      const staticSummary = `Ingest ${input.dataset} from ${input.sourceUri}`.slice(0, 180);
      await call(() =>
        workflow
          .start(WORKFLOW_TYPES.ingestDataset, {
            workflowId,
            taskQueue,
            args: [{ ...input, timing }],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
            staticSummary,
          })
          .catch(ignoreStarted),
      );
      return workflowId;
    },
    async materializeFeatures(input) {
      const workflowId = workflowIds.materializeFeatures(input.view, input.materializationId);
      const staticSummary = `Materialise ${input.view}`;
      await call(() =>
        workflow.start(WORKFLOW_TYPES.materializeFeatures, {
          workflowId,
          taskQueue,
          args: [{ ...input, timing }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary,
        }),
      );
      return workflowId;
    },
    async requestRetraining(model, request) {
      await call(() =>
        workflow.signalWithStart(WORKFLOW_TYPES.modelLifecycle, {
          workflowId: workflowIds.modelLifecycle(model),
          taskQueue,
          args: [{ model, timing }],
          signal: requestRetrainingSignal,
          signalArgs: [request],
          staticSummary: `Lifecycle of ${model}`,
        }),
      );
    },
    async watchEndpoint(endpoint) {
      const workflowId = workflowIds.driftWatch(endpoint);
      await call(() =>
        workflow.start(WORKFLOW_TYPES.driftWatch, {
          workflowId,
          taskQueue,
          args: [{ endpoint, timing }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `Drift watch of ${endpoint}`,
        }),
      );
    },
    observe: (endpoint, watermark) =>
      call(() => workflow.getHandle(workflowIds.driftWatch(endpoint)).signal(observeSignal, { watermark })),
    async rollBack(input) {
      const workflowId = workflowIds.rollout(input.rolloutId);
      const args: [RolloutInput] = [{ ...input, kind: 'restore', timing }];
      await call(() =>
        workflow.start(WORKFLOW_TYPES.rollout, {
          workflowId,
          taskQueue,
          args,
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `Roll ${input.model} back to v${input.version}`,
        }),
      );
      return workflowId;
    },
    decide: (workflowId, message) => call(() => workflow.getHandle(workflowId).signal(decideApprovalSignal, message)),
    abortRollout: (workflowId, message) => call(() => workflow.getHandle(workflowId).signal(abortSignal, message)),
    approveStep: (workflowId, message) => call(() => workflow.getHandle(workflowId).signal(approveStepSignal, message)),
    async setPaused(model, paused, message) {
      const handle = workflow.getHandle(workflowIds.modelLifecycle(model));
      await call(() =>
        handle.executeUpdate(paused ? pauseUpdate : resumeUpdate, { args: [message], updateId: message.requestId }),
      );
    },
    async isReachable() {
      try {
        await client.withDeadline(Date.now() + 2_000, () => connection.workflowService.getSystemInfo({}));
        return true;
      } catch {
        return false;
      }
    },
  };
}

async function withDeadline<T>(client: Client, work: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + DEADLINE_MS, work);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw new DomainError('PRN_WORKFLOW_NOT_FOUND', { workflowId: error.workflowId, hint: '' }, { cause: error });
    if (error instanceof WorkflowUpdateFailedError)
      throw new DomainError(
        'PRN_REQUEST_INVALID',
        { what: 'message', problem: error.cause?.message ?? error.message },
        { cause: error },
      );
    if (error instanceof ServiceError)
      throw new DomainError(
        'PRN_UNAVAILABLE',
        { what: 'Temporal', reason: error.cause?.message ?? error.message },
        { cause: error },
      );
    throw error;
  }
}

/** An ingestion that succeeded before is not repeated: its record stands. */
function ignoreStarted(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'WorkflowExecutionAlreadyStartedError') throw error;
}
