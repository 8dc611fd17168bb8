/**
 * Watches one endpoint for its whole life: seals windows as the watermark passes, judges its monitors, and acts on their
 * alarms by activity. It never writes routes. State is carried through continue-as-new as plain JSON.
 */
import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { DriftWatchInput } from './messages.js';
import { setKeywords } from './search-attributes.js';
import { openWatchRun, type WatchRun } from './steps/watch-run.js';
import { sealDueWindows } from './steps/watch-windows.js';

export async function driftWatch(input: DriftWatchInput): Promise<{ readonly stopped: true }> {
  setKeywords({ MlEndpoint: input.endpoint, MlStage: 'watching' });
  const run = await openWatchRun(input);
  for (;;) {
    await waitForTime(run);
    if (run.state.stopped) break;
    await settleWatermark(run);
    await sealDueWindows(run);
    await publishWatermark(run);
    if (mustRenew(input) && run.state.claimed.length === 0) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof driftWatch>({ ...input, carried: run.carry() });
    }
  }
  await condition(allHandlersFinished);
  setKeywords({ MlStage: 'closed', MlOutcome: 'stopped' });
  return { stopped: true };
}

/** Under the event clock time moves by messages only; under the wall clock it is asked for. */
async function waitForTime(run: WatchRun): Promise<void> {
  const { state } = run;
  const woken = (): boolean => state.stopped || state.claimed.length > 0;
  if (run.record.clock === 'event') await condition(woken);
  else await condition(woken, run.polls.watermarkMs, { summary: 'Next look at the watermark' });
}

/** One message moves the watermark by at most one window, so that each window is sealed with its own past. */
async function settleWatermark(run: WatchRun): Promise<void> {
  const { state, record } = run;
  const next = state.claimed.shift() ?? null;
  const limit = state.watermark === null ? null : state.watermark + record.windowMicros;
  const claimed = next === null || limit === null ? next : Math.min(next, limit);
  const observed = await run.activities.settleWatermark({ endpoint: run.endpoint, claimed });
  state.watermark = observed.watermark ?? state.watermark;
  state.firstWindowStart ??= observed.firstWindowStart;
}

/** Others may act on a moment only when its windows are sealed and their alarms are raised. */
async function publishWatermark(run: WatchRun): Promise<void> {
  const { watermark } = run.state;
  if (watermark !== null) await run.activities.publishWatermark({ endpoint: run.endpoint, watermark });
}

function mustRenew(input: DriftWatchInput): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || (input.maxHistoryLength !== undefined && historyLength >= input.maxHistoryLength);
}
