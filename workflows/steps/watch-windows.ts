/** Seals every window whose labels are due by now, oldest first, and acts on the alarms of each before the next. */
import { log, patched } from '@temporalio/workflow';
import { failureFacts, isCancellation } from '../failures.js';
import type { WatchRun } from './watch-run.js';

export async function sealDueWindows(run: WatchRun): Promise<void> {
  const { state, record, endpoint, activities } = run;
  for (;;) {
    const windowStart = state.sealedThrough ?? state.firstWindowStart;
    if (windowStart === null || state.watermark === null) return;
    const windowEnd = windowStart + record.windowMicros;
    if (state.watermark < windowEnd + record.labelDelayMicros) return;
    const muted = state.mutedUntil !== null && windowEnd <= state.mutedUntil;
    const sealed = await activities.sealWindow({ endpoint, windowStart, windowEnd, muted });
    state.sealedThrough = windowEnd;
    const checked = patched('check-served-features') ? await checkFeatures(run, windowStart, windowEnd) : [];
    state.lastLines = [...sealed.lines, ...checked];
    run.show();
    for (const alert of sealed.alerts) {
      if (alert.action !== 'none') await activities.actOnAlert({ endpoint, alertId: alert.alertId });
    }
  }
}

/** A check that cannot be made is said, and does not hold back the windows after it. */
async function checkFeatures(run: WatchRun, windowStart: number, windowEnd: number): Promise<readonly string[]> {
  const { endpoint, activities } = run;
  try {
    return (await activities.checkServedFeatures({ endpoint, windowStart, windowEnd })).lines;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { message } = failureFacts(error);
    log.warn('served features could not be recomputed', { endpoint, windowEnd, message });
    return [`served features could not be recomputed: ${message}`];
  }
}
