/** Trials of a search with trainers elsewhere: they are asked as for a model, and what they leave is scored here. */
import { TrainerAnswer, type TrainerRequest } from '../domain/external-training.js';
import { SearchPlan } from '../domain/search.js';
import type { TrainerParameters } from '../domain/trainer.js';
import type { ProposedTrial, SearchComputeActivities } from '../workflows/contracts/search.js';
import { openRun, type RunFileDependencies } from './external-training.js';
import type { RunJob } from './jobs/index.js';
import { trainerName } from './jobs/trainer-rows.js';
import { getJson, putJson } from '../store/contracts/json-artifacts.js';
import { logAnswer, type TrackingDependencies } from './pipeline-run-log.js';
import { beginTrialRun, type TrackedTrial, trackTrial } from './trial-run-log.js';

export interface ExternalTrialDependencies extends RunFileDependencies, TrackingDependencies {
  readonly runJob: RunJob;
}

type Activities = Pick<SearchComputeActivities, 'prepareTrial' | 'scoreTrial'>;

export function createExternalTrialActivities(dependencies: ExternalTrialDependencies) {
  const { stores, runJob } = dependencies;
  const tracked = async ({ plan: ref, index, parameters }: ProposedTrial): Promise<TrackedTrial> => ({
    ref,
    plan: await getJson(stores.artifacts, ref, SearchPlan),
    index,
    parameters,
  });

  return {
    async prepareTrial(proposed) {
      const trial = await tracked(proposed);
      const runId = await beginTrialRun(dependencies, trial);
      const request = await putJson(
        stores.artifacts,
        trialRequest(trial.plan, { runId, parameters: trial.parameters }),
      );
      return openRun(dependencies, runId, request);
    },

    async scoreTrial({ run, answer, ...proposed }) {
      const trial = await tracked(proposed);
      // First, so that a late report does not take the run from whoever judges the trial.
      if (run.files !== null) await stores.runFiles.close(run.runId);
      const loss = await trackTrial(dependencies, trial, async (options, log) => {
        if (log !== null) await logAnswer(log, await getJson(stores.artifacts, answer, TrainerAnswer));
        return runJob('scoreTrial', { plan: trial.ref, answer }, options);
      });
      return { index: trial.index, loss };
    },
  } satisfies Activities;
}

/** As for a model, but of the rows to fit alone. */
export function trialRequest(
  { trainer, task, classes, features, fit, sample }: SearchPlan,
  { runId, parameters }: { runId: string; parameters: TrainerParameters },
): TrainerRequest {
  return {
    requestVersion: 1,
    runId,
    trainer: trainerName(trainer),
    parameters,
    seed: trainer.seed,
    task,
    classes,
    features,
    data: fit.data,
    sample,
    ...(trainer.kind === 'command' && { limits: trainer.limits }),
  };
}
