/** A search for parameters as activities: what is tried next, the trials, and what is chosen. */
import type { ArtifactRef } from '../domain/artifact.js';
import { durationMs } from '../domain/duration.js';
import type { Sha256Hex } from '../domain/ids.js';
import { metricLabel } from '../domain/metrics.js';
import { reportOn, SearchPlan, type Trial, TrialLog, withOutcomes } from '../domain/search.js';
import { trialRunId } from '../domain/trial-run.js';
import { trialParameters } from '../ml/search/propose.js';
import type { Stores } from '../store/contracts/index.js';
import type { SearchActivities, SearchComputeActivities } from '../workflows/contracts/search.js';
import type { RunJob } from './jobs/index.js';
import { getJson, putJson } from '../store/contracts/json-artifacts.js';
import { tagPipelineRun, trackJobs, type TrackingDependencies } from './pipeline-run-log.js';
import { candidatePlan } from './training-compute.js';
import { trackTrial } from './trial-run-log.js';

export interface SearchDependencies {
  readonly stores: Stores;
  readonly sha256Hex: Sha256Hex;
}

export function createSearchActivities(dependencies: SearchDependencies) {
  const { artifacts } = dependencies.stores;

  return {
    async proposeTrial({ plan: ref, log, index, ended }) {
      const plan = await getJson(artifacts, ref, SearchPlan);
      const before = withOutcomes(await readLog(dependencies.stores, log), ended);
      const parameters = trialParameters(plan, index, before);
      const trials = [...before, { index, parameters, state: 'open', loss: null } satisfies Trial];
      return { parameters, log: await putJson(artifacts, { trials } satisfies TrialLog) };
    },

    async concludeSearch({ plan: ref, log, ended, through, end }) {
      const plan = await getJson(artifacts, ref, SearchPlan);
      const all = withOutcomes(await readLog(dependencies.stores, log), ended);
      await endOpenRuns(dependencies, ref, all);
      const trials = all.filter(({ index }) => index <= through);
      const report = reportOn(trials, { plan, ref, ended: end });
      const stored = await putJson(artifacts, report);
      await tagPipelineRun(dependencies, plan.pipelineId, { search: report.reason, searchReport: stored.uri });
      return { report: stored, reason: report.reason };
    },
  } satisfies SearchActivities;
}

export interface SearchComputeDependencies extends TrackingDependencies {
  readonly runJob: RunJob;
}

export function createSearchComputeActivities({ runJob, ...tracking }: SearchComputeDependencies) {
  const { stores } = tracking;
  const tracked = trackJobs(runJob, tracking);

  return {
    async prepareSearch({ snapshot, dataset }) {
      const prepared = await tracked('prepareSearch', {
        snapshot,
        dataset,
        plan: await candidatePlan(stores, snapshot),
      });
      const { trainer, trials, metric } = await getJson(stores.artifacts, prepared.plan, SearchPlan);
      const { parallel = 1, patience, timeBudget } = trainer.search ?? {};
      return {
        plan: prepared.plan,
        trials,
        parallel,
        patience: patience ?? null,
        timeBudgetMs: timeBudget === undefined ? null : durationMs(timeBudget),
        metric: metricLabel(metric),
      };
    },

    async runTrial({ plan: ref, index, parameters }) {
      const plan = await getJson(stores.artifacts, ref, SearchPlan);
      const loss = await trackTrial(tracking, { ref, plan, index, parameters }, (options) =>
        runJob('runTrial', { plan: ref, parameters }, options),
      );
      return { index, loss };
    },
  } satisfies Pick<SearchComputeActivities, 'prepareSearch' | 'runTrial'>;
}

async function readLog({ artifacts }: Stores, log: ArtifactRef | null): Promise<Trial[]> {
  return log === null ? [] : (await getJson(artifacts, log, TrialLog)).trials;
}

/** Trials that failed, and those that the search did not wait for: nobody else ends their runs. */
async function endOpenRuns(
  { stores, sha256Hex }: SearchDependencies,
  plan: ArtifactRef,
  trials: readonly Trial[],
): Promise<void> {
  for (const { index, parameters, state, failure } of trials) {
    if (state === 'finished') continue;
    const runId = trialRunId(sha256Hex, { plan: plan.sha256, index, parameters });
    await stores.runFiles.close(runId);
    if ((await stores.runs.info(runId)) === null) continue;
    await stores.runs.close(
      runId,
      state === 'failed'
        ? { status: 'FAILED', cause: failure ?? null }
        : { status: 'KILLED', cause: 'the search ended before this trial did' },
    );
  }
}
