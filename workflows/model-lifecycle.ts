/**
 * One entity per model: takes retraining requests, keeps cooldown and budget, and runs one training at a time. What it
 * knows lies in documents; each run starts by loading them, so that nothing is lost with a history.
 */
import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { ModelLifecycleInput } from './messages.js';
import { setKeywords } from './search-attributes.js';
import { keepRequests, openLifecycleRun, type LifecycleRun } from './steps/lifecycle-run.js';
import { startDuePipeline } from './steps/training-slot.js';

export async function modelLifecycle(input: ModelLifecycleInput): Promise<never> {
  setKeywords({ MlModel: input.model, MlStage: 'idle' });
  const run = await openLifecycleRun(input);
  for (;;) {
    // Taken before the work: a message that comes while it is done must wake the next wait.
    const { revision } = run.state;
    await keepRequests(run);
    await startDuePipeline(run);
    if (mustRenew(input) && run.state.revision === revision) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof modelLifecycle>({ ...input, carried: run.carry() });
    }
    run.show();
    await waitForWork(run, revision);
  }
}

/** Wakes for messages, for the moment a request becomes due, and now and then to look after the running pipeline. */
async function waitForWork(run: LifecycleRun, revision: number): Promise<void> {
  const { state } = run;
  const changed = (): boolean => state.revision !== revision;
  const dueMs = state.nextDueMs === null ? Number.POSITIVE_INFINITY : Math.max(1, state.nextDueMs - Date.now());
  const inspectMs = state.running === null ? Number.POSITIVE_INFINITY : run.polls.inspectPipelineMs;
  const wakeMs = Math.min(dueMs, inspectMs);
  if (Number.isFinite(wakeMs)) {
    const woken = await condition(changed, wakeMs, { summary: 'Next look at the training slot' });
    if (!woken && state.running !== null) await run.inspectRunning();
  } else {
    await condition(changed);
  }
}

function mustRenew(input: ModelLifecycleInput): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || (input.maxHistoryLength !== undefined && historyLength >= input.maxHistoryLength);
}
