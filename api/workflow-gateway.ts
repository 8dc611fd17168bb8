/** The Temporal client as the API uses it: what can be started, signalled and asked. Every call has a deadline. */
import { type Client, WithStartWorkflowOperation, WorkflowFailedError } from '@temporalio/client';
import { TASK_QUEUES, workflowIds } from '../domain/ids.js';
import {
  abortSignal,
  type AbortMessage,
  type ApproveStepMessage,
  approveStepSignal,
  decideApprovalSignal,
  decideQuarantineSignal,
  type DecisionMessage,
  type DriftWatchInput,
  type HistoricalRetrievalInput,
  type IngestDatasetInput,
  type MaterializeFeaturesInput,
  type ModelLifecycleInput,
  observeSignal,
  type PauseMessage,
  pauseUpdate,
  type QuarantineCaseInput,
  type QuarantineDecisionMessage,
  type RetrainingRequest,
  requestRetrainingSignal,
  resumeUpdate,
  type RolloutInput,
  type StopMessage,
  stopSignal,
  WORKFLOW_TYPES,
} from '../workflows/messages.js';
import { applyIngestionSchedule } from './ingestion-schedule.js';
import { callTemporal } from './temporal-errors.js';

/** Throws `PRN_UNAVAILABLE` when Temporal does not answer in time, `PRN_WORKFLOW_NOT_FOUND` for a closed workflow. */
export interface WorkflowGateway {
  ingestDataset(input: Omit<IngestDatasetInput, 'timing'>): Promise<string>;
  /** Ingests the source again and again from now on, or no more (`null`); the same again changes nothing. */
  scheduleIngestion(dataset: string, plan: IngestionPlan | null): Promise<void>;
  materializeFeatures(input: Omit<MaterializeFeaturesInput, 'timing'>): Promise<string>;
  /** A materialisation by its id, while Temporal keeps it. */
  materialization(view: string, materializationId: string): Promise<WorkflowState>;
  /** Retrieves unless the retrieval runs or is done. */
  retrieveHistorical(input: Omit<HistoricalRetrievalInput, 'timing'>): Promise<string>;
  requestRetraining(model: string, request: RetrainingRequest): Promise<void>;
  /** Starts the endpoint's drift watch unless it runs. */
  watchEndpoint(endpoint: string): Promise<void>;
  /** Ends the endpoint's drift watch if it runs. */
  stopWatching(endpoint: string, message: StopMessage): Promise<void>;
  observe(endpoint: string, watermark: number): Promise<void>;
  rollBack(input: Omit<RolloutInput, 'timing' | 'kind'>): Promise<string>;
  decide(workflowId: string, message: DecisionMessage): Promise<void>;
  /** Tells the workflow of a case about a decision; starts it anew if it is gone. */
  decideQuarantine(about: { caseId: string; dataset: string }, message: QuarantineDecisionMessage): Promise<void>;
  abortRollout(workflowId: string, message: AbortMessage): Promise<void>;
  approveStep(workflowId: string, message: ApproveStepMessage): Promise<void>;
  setPaused(model: string, paused: boolean, message: PauseMessage): Promise<void>;
  isReachable(): Promise<boolean>;
}

export interface IngestionPlan {
  readonly sourceUri: string;
  readonly everyMs: number;
  readonly requestedBy: string;
}

export interface WorkflowState {
  readonly workflowId: string;
  readonly state: 'running' | 'completed' | 'failed';
  /** Why it failed. */
  readonly problem: string | null;
}

type Timing = 'production' | 'test';

const taskQueue = TASK_QUEUES.orchestration;

export function createWorkflowGateway(client: Client, timing: Timing): WorkflowGateway {
  const { workflow, connection } = client;
  const call = <T>(work: () => Promise<T>): Promise<T> => callTemporal(client, work);

  return {
    async ingestDataset(input) {
      const workflowId = workflowIds.ingestDataset(input.ingestionId);
      const options = {
        workflowId,
        taskQueue,
        args: [{ ...input, timing }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        staticSummary: `Ingest ${input.dataset} from ${input.sourceUri}`.slice(0, 180),
      } as const;
      await call(() => workflow.start(WORKFLOW_TYPES.ingestDataset, options).catch(ignoreStarted));
      return workflowId;
    },
    scheduleIngestion: (dataset, plan) =>
      call(() => applyIngestionSchedule(client, dataset, plan && { ...plan, timing })),
    async materializeFeatures(input) {
      const workflowId = workflowIds.materializeFeatures(input.view, input.materializationId);
      const staticSummary = `Materialise ${input.view}`;
      const args = [{ ...input, timing }];
      const options = { workflowId, taskQueue, args, workflowIdConflictPolicy: 'USE_EXISTING', staticSummary } as const;
      await call(() => workflow.start(WORKFLOW_TYPES.materializeFeatures, options));
      return workflowId;
    },
    async materialization(view, materializationId) {
      const workflowId = workflowIds.materializeFeatures(view, materializationId);
      const handle = workflow.getHandle(workflowId);
      const { status } = await call(() => handle.describe());
      if (status.name === 'RUNNING') return { workflowId, state: 'running', problem: null };
      if (status.name === 'COMPLETED') return { workflowId, state: 'completed', problem: null };
      const ended = await call(() => handle.result().then(() => null, whyItEnded));
      return { workflowId, state: 'failed', problem: ended ?? `it ended as ${status.name.toLowerCase()}` };
    },
    async retrieveHistorical(input) {
      const workflowId = workflowIds.historicalRetrieval(input.retrievalId);
      const options = {
        workflowId,
        taskQueue,
        args: [{ ...input, timing }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        staticSummary: 'Retrieve features of past moments',
      } as const;
      await call(() => workflow.start(WORKFLOW_TYPES.historicalRetrieval, options).catch(ignoreStarted));
      return workflowId;
    },
    async requestRetraining(model, request) {
      const signal = { signal: requestRetrainingSignal, signalArgs: [request] as [RetrainingRequest] };
      await call(() =>
        workflow.signalWithStart(WORKFLOW_TYPES.modelLifecycle, { ...lifecycleOf(model, timing), ...signal }),
      );
    },
    async watchEndpoint(endpoint) {
      await call(() => workflow.start(WORKFLOW_TYPES.driftWatch, watchOf(endpoint, timing)));
    },
    async stopWatching(endpoint, message) {
      const handle = workflow.getHandle(workflowIds.driftWatch(endpoint));
      await call(() => handle.signal(stopSignal, message));
    },
    async observe(endpoint, watermark) {
      const signal = { signal: observeSignal, signalArgs: [{ watermark }] as [{ watermark: number }] };
      await call(() =>
        workflow.signalWithStart(WORKFLOW_TYPES.driftWatch, { ...watchOf(endpoint, timing), ...signal }),
      );
    },
    async rollBack(input) {
      const workflowId = workflowIds.rollout(input.rolloutId);
      const args: [RolloutInput] = [{ ...input, kind: 'restore', timing }];
      const staticSummary = `Roll ${input.model} back to v${input.version}`;
      const options = { workflowId, taskQueue, args, workflowIdConflictPolicy: 'USE_EXISTING', staticSummary } as const;
      await call(() => workflow.start(WORKFLOW_TYPES.rollout, options));
      return workflowId;
    },
    decide: (workflowId, message) => call(() => workflow.getHandle(workflowId).signal(decideApprovalSignal, message)),
    async decideQuarantine({ caseId, dataset }, message) {
      const args: [QuarantineCaseInput] = [{ caseId, dataset, timing }];
      const workflowId = workflowIds.quarantineCase(caseId);
      const staticSummary = `Quarantined rows of ${dataset}`;
      const signal = { signal: decideQuarantineSignal, signalArgs: [message] as [QuarantineDecisionMessage] };
      const options = { workflowId, taskQueue, args, staticSummary, ...signal };
      await call(() => workflow.signalWithStart(WORKFLOW_TYPES.quarantineCase, options));
    },
    abortRollout: (workflowId, message) => call(() => workflow.getHandle(workflowId).signal(abortSignal, message)),
    approveStep: (workflowId, message) => call(() => workflow.getHandle(workflowId).signal(approveStepSignal, message)),
    async setPaused(model, paused, message) {
      // With start: a model can be paused before it was ever trained.
      const startWorkflowOperation = new WithStartWorkflowOperation(
        WORKFLOW_TYPES.modelLifecycle,
        lifecycleOf(model, timing),
      );
      const options = { args: [message] as [PauseMessage], updateId: message.requestId, startWorkflowOperation };
      await call(() => workflow.executeUpdateWithStart(paused ? pauseUpdate : resumeUpdate, options));
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

function lifecycleOf(model: string, timing: Timing) {
  const args: [ModelLifecycleInput] = [{ model, timing }];
  const workflowId = workflowIds.modelLifecycle(model);
  const staticSummary = `Lifecycle of ${model}`;
  return { workflowId, taskQueue, args, workflowIdConflictPolicy: 'USE_EXISTING', staticSummary } as const;
}

function watchOf(endpoint: string, timing: Timing) {
  const args: [DriftWatchInput] = [{ endpoint, timing }];
  const workflowId = workflowIds.driftWatch(endpoint);
  const staticSummary = `Drift watch of ${endpoint}`;
  return { workflowId, taskQueue, args, workflowIdConflictPolicy: 'USE_EXISTING', staticSummary } as const;
}

/** The innermost cause: activities and workflows wrap what went wrong. */
function whyItEnded(error: unknown): string {
  if (!(error instanceof WorkflowFailedError)) throw error;
  let cause: Error = error;
  while (cause.cause instanceof Error) cause = cause.cause;
  return cause.message;
}

/** An ingestion that succeeded before is not repeated: its record stands. */
function ignoreStarted(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'WorkflowExecutionAlreadyStartedError') throw error;
}
