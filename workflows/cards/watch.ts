/** Status card of a drift watch. */
import type { WatchState } from '../steps/watch-run.js';

export function watchCard(endpoint: string, state: WatchState): string {
  const iso = (time: number | null): string => (time === null ? 'none yet' : new Date(time / 1_000).toISOString());
  const muted =
    state.mutedUntil === null ? [] : [`Muted until ${iso(state.mutedUntil)}: alerts are raised, nothing acts on them.`];
  return [
    `### Watching ${endpoint}`,
    `Watermark ${iso(state.watermark)}; windows sealed through ${iso(state.sealedThrough)}.`,
    ...muted,
    ...state.lastLines.map((line) => `- ${line}`),
  ].join('\n\n');
}
