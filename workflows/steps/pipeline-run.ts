/** The state of one pipeline and everything that shows it: projection, status card, search attributes, lifecycle. */
import { getExternalWorkflowHandle, log, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { workflowIds } from '../../domain/ids.js';
import type { Judged, PipelineOutcome, PipelineStage } from '../../domain/pipeline.js';
import { activityOptions, commandOptions, polls, type Polls } from '../activity-options.js';
import { pipelineCard, type PipelineCardFacts } from '../cards/pipeline.js';
import type { LifecycleActivities, TrainingPipelineInput } from '../contracts/lifecycle.js';
import type { RegistryActivities } from '../contracts/registry.js';
import type { SearchActivities, SearchComputeActivities } from '../contracts/search.js';
import type { SkewActivities } from '../contracts/skew.js';
import type {
  ExternalTrainingActivities,
  TrainingActivities,
  TrainingComputeActivities,
} from '../contracts/training.js';
import { type PipelineFinishedMessage, pipelineFinishedSignal, pipelineStatusQuery } from '../messages.js';
import { setKeywords } from '../search-attributes.js';

export interface PipelineState {
  stage: PipelineStage;
  version: number | null;
  approvalId: string | null;
  rolloutId: string | null;
  waitingFor: string | null;
  reasons: readonly string[];
  judged: Judged | null;
}

type PipelineActivities = TrainingActivities &
  TrainingComputeActivities &
  ExternalTrainingActivities &
  SearchActivities &
  SearchComputeActivities &
  RegistryActivities &
  SkewActivities &
  Pick<LifecycleActivities, 'recordPipeline'>;

export interface PipelineRun {
  readonly input: TrainingPipelineInput;
  readonly workflowId: string;
  readonly polls: Polls;
  readonly state: PipelineState;
  readonly activities: PipelineActivities;
  /** Moves to a stage and shows it everywhere. */
  enter(stage: PipelineStage, changes?: Partial<PipelineState>): Promise<void>;
  /** Renews the status card with what is known by now. */
  show(facts: Partial<PipelineCardFacts>): void;
  /** Tells the lifecycle that training is over: waiting for people does not hold the slot. */
  releaseSlot(): Promise<void>;
  close(
    outcome: PipelineOutcome,
    reasons: readonly string[],
  ): Promise<{ outcome: PipelineOutcome; version: number | null; reasons: readonly string[] }>;
}

export function openPipelineRun(input: TrainingPipelineInput, workflowId: string): PipelineRun {
  const state: PipelineState = {
    stage: 'queued',
    version: null,
    approvalId: null,
    rolloutId: null,
    waitingFor: null,
    reasons: [],
    judged: null,
  };
  const activities = pipelineActivities(input);
  let facts: PipelineCardFacts = { input, state };

  const show: PipelineRun['show'] = (changes) => {
    facts = { ...facts, ...changes };
    setCurrentDetails(pipelineCard(facts));
  };
  const record = (outcome: PipelineOutcome): Promise<void> => {
    const { stage, version, approvalId, rolloutId, reasons, judged } = state;
    return activities.recordPipeline({
      pipelineId: input.pipelineId,
      stage,
      outcome,
      reasons,
      version,
      approvalId,
      rolloutId,
      judged,
    });
  };

  setHandler(
    pipelineStatusQuery,
    () => ({ stage: state.stage, version: state.version, waitingFor: state.waitingFor, reasons: state.reasons }),
    { description: 'Stage, version, and what the pipeline waits for' },
  );
  setKeywords({ MlModel: input.model, MlTrigger: input.trigger, MlStage: 'queued' });

  return {
    input,
    workflowId,
    polls: polls(input.timing),
    state,
    activities,
    show,
    async enter(stage, changes = {}) {
      Object.assign(state, { waitingFor: null }, changes, { stage });
      setKeywords({ MlStage: stage, ...(state.version === null ? {} : { MlVersion: String(state.version) }) });
      show({});
      await record('running');
    },
    releaseSlot: () =>
      tellLifecycle(input, { pipelineId: input.pipelineId, phase: 'slotReleased', outcome: 'registered' }),
    async close(outcome, reasons) {
      Object.assign(state, { stage: 'closed', waitingFor: null, reasons });
      setKeywords({ MlStage: 'closed', MlOutcome: outcome });
      show({ outcome });
      await record(outcome);
      await tellLifecycle(input, { pipelineId: input.pipelineId, phase: 'closed', outcome });
      return { outcome, version: state.version, reasons };
    },
  };
}

function pipelineActivities(input: TrainingPipelineInput): PipelineActivities {
  const options = activityOptions(input.timing);
  const quick = proxyActivities<TrainingActivities & SearchActivities & RegistryActivities & LifecycleActivities>(
    options.io,
  );
  const staged = proxyActivities<RegistryActivities>({
    ...options.waiting,
    summary: 'Ask serving for the staged version',
  });
  const data = proxyActivities<TrainingComputeActivities>({
    ...options.compute,
    summary: 'Join spine, features and labels as of their time',
  });
  const trainer = proxyActivities<TrainingComputeActivities & ExternalTrainingActivities>({
    ...options.compute,
    summary: 'Train and export the model',
  });
  const foreign = proxyActivities<ExternalTrainingActivities>({
    ...options.python,
    summary: 'Train with the Python worker',
  });
  const trial = proxyActivities<SearchComputeActivities>({
    ...options.compute,
    summary: 'Search for parameters on training rows',
  });
  const judge = proxyActivities<TrainingComputeActivities>({
    ...options.compute,
    summary: 'Evaluate on the holdout and judge the gates',
  });
  const certifier = proxyActivities<SkewActivities>({
    ...options.compute,
    summary: 'Compare features offline and online',
  });
  return {
    snapshotInputs: quick.snapshotInputs,
    buildTrainingDataset: data.buildTrainingDataset,
    prepareSearch: trial.prepareSearch,
    proposeTrial: quick.proposeTrial,
    runTrial: trial.runTrial,
    prepareTrial: trial.prepareTrial,
    scoreTrial: trial.scoreTrial,
    concludeSearch: quick.concludeSearch,
    trainModel: trainer.trainModel,
    prepareTrainerData: trainer.prepareTrainerData,
    trainExternal: foreign.trainExternal,
    trainByCommand: (run) =>
      proxyActivities<ExternalTrainingActivities>({
        ...commandOptions(input.timing, run.wallMs),
        summary: 'Train with a command',
      }).trainByCommand(run),
    adoptTrainedModel: trainer.adoptTrainedModel,
    evaluateModel: judge.evaluateModel,
    registerVersion: quick.registerVersion,
    certifySkew: certifier.certifySkew,
    stageVersion: quick.stageVersion,
    checkStagedVersion: staged.checkStagedVersion,
    archiveCandidate: quick.archiveCandidate,
    openApproval: quick.openApproval,
    recordDecision: quick.recordDecision,
    reviewApproval: quick.reviewApproval,
    closeApproval: quick.closeApproval,
    extendApproval: quick.extendApproval,
    remindApprovers: quick.remindApprovers,
    recordPipeline: quick.recordPipeline,
  };
}

/** The lifecycle may be closed or gone; the pipeline's own record does not depend on it. */
async function tellLifecycle(input: TrainingPipelineInput, message: PipelineFinishedMessage): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowIds.modelLifecycle(input.model)).signal(pipelineFinishedSignal, message);
  } catch (error) {
    log.warn('the lifecycle could not be told', { model: input.model, phase: message.phase, error: String(error) });
  }
}
