/** The search for parameters of `train --local`: one trial after the other, the same ones that a pipeline tries. */
import { trialRequest } from '../../activities/external-trials.js';
import type { RunJob } from '../../activities/jobs/index.js';
import type { TrainingInput } from '../../activities/jobs/training-parts.js';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { durationMs } from '../../domain/duration.js';
import { isDomainError } from '../../domain/errors.js';
import { metricLabel } from '../../domain/metrics.js';
import {
  failedTrial,
  reportOn,
  type SearchEnd,
  SearchPlan,
  type Trial,
  type TrialOutcome,
  verdictOn,
  withOutcomes,
} from '../../domain/search.js';
import { isBuiltIn, type TrainerParameters } from '../../domain/trainer.js';
import { trialParameters } from '../../ml/search/propose.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';

export interface LocalSearch {
  readonly artifacts: ArtifactStore;
  readonly runJob: RunJob;
  /** Fits with a trainer elsewhere: from the request to the answer, both JSON artefacts. */
  readonly trainElsewhere: (request: ArtifactRef) => Promise<ArtifactRef>;
  readonly onTrial: (message: string) => void;
}

/** The JSON artefact with the `SearchReport`. Throws `PRN_SEARCH_…`. */
export async function searchLocally(search: LocalSearch, input: TrainingInput): Promise<ArtifactRef> {
  const { artifacts, runJob, onTrial } = search;
  const { plan: ref } = await runJob('prepareSearch', input);
  const plan = await getJson(artifacts, ref, SearchPlan);
  const { parallel = 1, patience = null, timeBudget } = plan.trainer.search ?? {};
  const deadline = timeBudget === undefined ? Infinity : performance.now() + durationMs(timeBudget);
  const trials: Trial[] = [];
  const outcomes: TrialOutcome[] = [];
  let ended: SearchEnd | 'hopeless' = 'all_trials';
  for (let index = 0; index <= plan.trials && ended === 'all_trials'; index += 1) {
    // A pipeline has `parallel` trials under way, whose losses it does not know yet.
    const known = outcomes.filter((outcome) => outcome.index <= index - parallel);
    const parameters = trialParameters(plan, index, withOutcomes(trials, known));
    trials.push({ index, parameters, state: 'open', loss: null });
    const outcome = await judge(search, { plan, ref, index, parameters });
    outcomes.push(outcome);
    onTrial(`trial ${index} of ${plan.trials}: ${said(outcome, plan)}`);
    ended = verdictOn(outcomes, patience) ?? (performance.now() >= deadline ? 'time_budget' : ended);
  }
  const report = reportOn(withOutcomes(trials, outcomes), {
    plan,
    ref,
    ended: ended === 'hopeless' ? 'all_trials' : ended,
  });
  return putJson(artifacts, report);
}

async function judge(
  { artifacts, runJob, trainElsewhere }: LocalSearch,
  trial: { plan: SearchPlan; ref: ArtifactRef; index: number; parameters: TrainerParameters },
): Promise<TrialOutcome> {
  const { plan, ref, index, parameters } = trial;
  try {
    if (isBuiltIn(plan.trainer)) {
      const { loss } = await runJob('runTrial', { plan: ref, parameters });
      return { index, loss };
    }
    const request = await putJson(artifacts, trialRequest(plan, { runId: `trial-${index}`, parameters }));
    const { loss } = await runJob('scoreTrial', { plan: ref, answer: await trainElsewhere(request) });
    return { index, loss };
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return failedTrial(index, error.message);
  }
}

function said({ loss, failure }: TrialOutcome, { metric }: SearchPlan): string {
  return loss === null ? `failed: ${failure ?? ''}` : `${metricLabel(metric)} ${loss.toFixed(4)}`;
}
