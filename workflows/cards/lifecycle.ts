/** Status card of a model's lifecycle. */
import { codeSpan, escapeMarkdown } from '../../domain/markdown.js';
import type { LifecycleOverview } from '../messages.js';
import { cardOf } from './card.js';

export function lifecycleCard(overview: LifecycleOverview): string {
  const { model, paused, running, queued, watermark } = overview;
  const slot = running === null ? 'The training slot is free.' : `Training: pipeline \`${running}\`.`;
  const now = watermark === null ? [] : [`Watermark ${new Date(watermark / 1_000).toISOString()}.`];
  const queue =
    queued.length === 0
      ? ['No request waits.']
      : queued.map(
          ({ requestId, reason, waitingFor }) =>
            `- ${codeSpan(requestId)}: ${escapeMarkdown(reason)} (waits for ${waitingFor})`,
        );
  const train = JSON.stringify({
    requestId: 'train-1',
    reason: 'say here why',
    source: 'manual',
    requestedBy: 'your-name',
    notBefore: null,
    asOf: null,
  });
  return cardOf([
    `### Lifecycle of ${model}${paused ? ' (paused)' : ''}`,
    slot,
    ...now,
    queue.join('\n'),
    `To train now send the signal \`requestRetraining\` with \`${train}\`.`,
  ]);
}
