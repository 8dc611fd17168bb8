/** Status card of a drift watch. */
import { escapeMarkdown } from '../../domain/markdown.js';
import { cardOf } from './card.js';

export interface WatchCardFacts {
  readonly watermark: number | null;
  readonly sealedThrough: number | null;
  readonly mutedUntil: number | null;
  readonly lastLines: readonly string[];
}

export function watchCard(endpoint: string, state: WatchCardFacts): string {
  const iso = (time: number | null): string => (time === null ? 'none yet' : new Date(time / 1_000).toISOString());
  const muted =
    state.mutedUntil === null ? [] : [`Muted until ${iso(state.mutedUntil)}: alerts are raised, nothing acts on them.`];
  return cardOf([
    `### Watching ${endpoint}`,
    `Watermark ${iso(state.watermark)}; windows sealed through ${iso(state.sealedThrough)}.`,
    ...muted,
    ...state.lastLines.map((line) => `- ${escapeMarkdown(line)}`),
  ]);
}
