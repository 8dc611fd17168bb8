/** The search for parameters before the model is fitted: proposes trials in order, follows them, and knows when to end. */
import { CancellationScope, condition, sleep } from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/artifact.js';
import { bestTrial, failedTrial, type SearchEnd, type TrialOutcome, verdictOn } from '../../domain/search.js';
import type { PreparedSearch, ProposedTrial } from '../contracts/search.js';
import type { SnapshotSummary, TrainingDatasetSummary } from '../contracts/training.js';
import { failureFacts, isCancellation } from '../failures.js';
import type { PipelineRun } from './pipeline-run.js';

interface SearchState {
  readonly run: PipelineRun;
  readonly prepared: PreparedSearch;
  readonly trainerKind: SnapshotSummary['trainerKind'];
  /** All trials that were proposed, by the last proposal. */
  log: ArtifactRef | null;
  /** Trials whose outcome the log does not have yet begin here. */
  reported: number;
  readonly outcomes: Map<number, TrialOutcome>;
  /** The trials before this one have ended. */
  settled: number;
  end: SearchEnd | 'hopeless' | null;
  /** Trials that end with the search, and its clock. Trial 0 is none of them: it is what the others are compared with. */
  readonly rest: CancellationScope;
}

/**
 * The report of the search, or null where the model declares none. A trial is proposed once all but the last `parallel` ones
 * before it have ended, and from those alone: the same trials come in the same order however long each of them takes.
 */
export async function searchParameters(
  run: PipelineRun,
  pinned: { snapshot: SnapshotSummary; dataset: TrainingDatasetSummary },
): Promise<ArtifactRef | null> {
  const { snapshot, dataset } = pinned;
  if (snapshot.searches !== true) return null;
  const prepared = await run.activities.prepareSearch({ snapshot: snapshot.snapshot, dataset: dataset.dataset });
  const state: SearchState = {
    run,
    prepared,
    trainerKind: snapshot.trainerKind,
    log: null,
    reported: 0,
    outcomes: new Map(),
    settled: 0,
    end: null,
    rest: new CancellationScope(),
  };
  showProgress(state);
  startClock(state);
  await Promise.all(await startTrials(state));
  state.rest.cancel();
  return conclude(state);
}

function startClock(state: SearchState): void {
  const { timeBudgetMs } = state.prepared;
  if (timeBudgetMs === null) return;
  state.rest
    .run(() => sleep(timeBudgetMs))
    .then(() => endSearch(state, 'time_budget'))
    .catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
}

/** Starts trials as they become due, and returns all that were started. */
async function startTrials(state: SearchState): Promise<Promise<void>[]> {
  const { run, prepared } = state;
  const { plan, parallel, trials } = prepared;
  const started: Promise<void>[] = [];
  for (let index = 0; index <= trials; index += 1) {
    await condition(() => state.end !== null || index - state.settled < parallel);
    if (state.end !== null) break;
    const ended = takeUnreported(state, index - parallel);
    const { parameters, log } = await run.activities.proposeTrial({ plan, log: state.log, index, ended });
    state.log = log;
    const follow = (): Promise<void> => followTrial(state, { plan, index, parameters });
    started.push(index === 0 ? follow() : state.rest.run(follow));
  }
  return started;
}

async function followTrial(state: SearchState, trial: ProposedTrial): Promise<void> {
  const { index } = trial;
  try {
    state.outcomes.set(index, await runTrial(state, trial));
  } catch (error) {
    // Cut off by the end of the search, or with the whole pipeline, which then ends where it waits.
    if (isCancellation(error)) return;
    state.outcomes.set(index, failedTrial(index, failureFacts(error).message));
  }
  settle(state);
  showProgress(state);
}

/** Where the trainer lives; see the step `train`. */
async function runTrial(
  { run: { activities }, trainerKind }: SearchState,
  trial: ProposedTrial,
): Promise<TrialOutcome> {
  if (trainerKind !== 'python' && trainerKind !== 'command') return activities.runTrial(trial);
  const run = await activities.prepareTrial(trial);
  const train = trainerKind === 'python' ? activities.trainExternal : activities.trainByCommand;
  return activities.scoreTrial({ ...trial, run, ...(await train(run)) });
}

/** One trial after the other, so that it does not matter in which order they ended. */
function settle(state: SearchState): void {
  while (state.end === null && state.outcomes.has(state.settled)) {
    state.settled += 1;
    const verdict = verdictOn(outcomesUpTo(state, state.settled - 1), state.prepared.patience);
    if (verdict !== null) endSearch(state, verdict);
  }
}

function endSearch(state: SearchState, end: SearchEnd | 'hopeless'): void {
  state.end ??= end;
  state.rest.cancel();
}

async function conclude(state: SearchState): Promise<ArtifactRef> {
  const { run, prepared, log, end } = state;
  if (log === null) throw new TypeError('a search has trial 0 at least');
  // What patience did not wait for would not be there had it ended later.
  const through = end === 'patience' ? state.settled - 1 : prepared.trials;
  const { report, reason } = await run.activities.concludeSearch({
    plan: prepared.plan,
    log,
    ended: takeUnreported(state, through),
    through,
    end: end === null || end === 'hopeless' ? 'all_trials' : end,
  });
  run.show({ search: reason });
  return report;
}

/** Outcomes up to a trial that the log does not have yet; from now on it has them. */
function takeUnreported(state: SearchState, through: number): TrialOutcome[] {
  const taken = outcomesUpTo(state, through).filter(({ index }) => index >= state.reported);
  state.reported = Math.max(state.reported, through + 1);
  return taken;
}

function outcomesUpTo({ outcomes }: Pick<SearchState, 'outcomes'>, through: number): TrialOutcome[] {
  return [...outcomes.values()]
    .filter(({ index }) => index <= through)
    .toSorted((left, right) => left.index - right.index);
}

function showProgress({ run, prepared, outcomes }: SearchState): void {
  const ended = [...outcomes.values()].filter(({ index }) => index > 0).length;
  const best = bestTrial(outcomesUpTo({ outcomes }, prepared.trials));
  const found =
    best?.loss == null
      ? ''
      : `, best ${prepared.metric} ${best.loss.toFixed(4)} (${best.index === 0 ? 'the declared parameters' : `trial ${best.index}`})`;
  run.show({ search: `${ended} of ${prepared.trials} trials ended${found}` });
}
