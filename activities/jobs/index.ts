/** The jobs of the compute pool by name. Deliberate index: the pool and the activities agree on names and types here. */
import { adoptTrainedModel } from './adopt-trained-model.js';
import { buildTrainingDataset } from './build-training-dataset.js';
import { certifySkew } from './certify-skew.js';
import { checkServedFeatures } from './check-served-features.js';
import type { JobContext, JobProgress } from './context.js';
import { evaluateModel } from './evaluate-model.js';
import { gatherPublication } from './gather-publication.js';
import { judgeRolloutStep } from './judge-step.js';
import { materializeChunk } from './materialize-chunk.js';
import { prepareSegment } from './prepare-segment.js';
import { prepareTrainerData } from './prepare-trainer-data.js';
import { assembleRetrieval } from './retrieval/assemble.js';
import { joinRetrievalView } from './retrieval/join-view.js';
import { loadRetrievalSpine } from './retrieval/load-spine.js';
import { prepareSearch } from './search/prepare-search.js';
import { runTrial } from './search/run-trial.js';
import { scoreExternalTrial } from './search/score-trial.js';
import { sealWindow } from './seal-window.js';
import { splitQuarantine } from './split-quarantine.js';
import { trainModel } from './train-model.js';

export const JOBS = {
  prepareSegment,
  splitQuarantine,
  materializeChunk,
  gatherPublication,
  buildTrainingDataset,
  loadRetrievalSpine,
  joinRetrievalView,
  assembleRetrieval,
  trainModel,
  prepareSearch,
  runTrial,
  scoreTrial: scoreExternalTrial,
  prepareTrainerData,
  adoptTrainedModel,
  evaluateModel,
  certifySkew,
  sealWindow,
  checkServedFeatures,
  judgeStep: judgeRolloutStep,
} as const satisfies Record<string, (input: never, context: JobContext) => Promise<unknown>>;

export type JobName = keyof typeof JOBS;
export type JobInputs = { [N in JobName]: Parameters<(typeof JOBS)[N]>[0] };
export type JobResults = { [N in JobName]: Awaited<ReturnType<(typeof JOBS)[N]>> };

export interface RunJobOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: JobProgress) => void;
  readonly resumeFrom?: unknown;
}

/** Runs a job in the pool and gives its result, or rejects with its error. */
export type RunJob = <N extends JobName>(
  name: N,
  input: JobInputs[N],
  options?: RunJobOptions,
) => Promise<JobResults[N]>;
