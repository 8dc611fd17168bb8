/** Seals every window whose labels are due by now, oldest first, and acts on the alarms of each before the next. */
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
    state.lastLines = sealed.lines;
    run.show();
    for (const alert of sealed.alerts) {
      if (alert.action !== 'none') await activities.actOnAlert({ endpoint, alertId: alert.alertId });
    }
  }
}
