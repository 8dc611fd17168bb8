/** Status card of a rollout. */
import { escapeMarkdown } from '../../domain/markdown.js';
import type { RolloutStep } from '../../domain/rollout.js';
import type { RolloutInput } from '../contracts/rollout.js';
import { cardOf } from './card.js';

export interface RolloutCardFacts {
  readonly input: RolloutInput;
  readonly step: RolloutStep | null;
  readonly steps: readonly RolloutStep[];
  readonly fromVersion: number | null;
  readonly reasons: readonly string[];
  readonly watermark: number | null;
}

export function rolloutCard({ input, step, steps, fromVersion, reasons, watermark }: RolloutCardFacts): string {
  const from = fromVersion === null ? 'nothing' : `v${fromVersion}`;
  const plan = steps
    .map((planned) => {
      const name = planned.kind === 'canary' ? `canary ${planned.weight} %` : planned.kind;
      return planned.index === step?.index ? `**${name}**` : planned.index < (step?.index ?? 0) ? `${name} ✓` : name;
    })
    .join(' → ');
  const abort = JSON.stringify({ requestId: `${input.rolloutId}-abort-1`, actor: 'your-name', reason: 'say here why' });
  const lines = [
    `### ${input.endpoint}: ${input.model} ${from} → v${input.version}`,
    plan,
    ...reasons.map((reason) => `- ${escapeMarkdown(reason)}`),
    ...(watermark === null ? [] : [`Watermark ${new Date(watermark / 1_000).toISOString()}`]),
    `To roll back now send the signal \`abort\` with \`${abort}\`.`,
  ];
  if (step !== null && step.kind !== 'direct') {
    const pass = JSON.stringify({
      requestId: `${input.rolloutId}-step-${step.index}`,
      actor: 'your-name',
      step: step.index,
    });
    lines.push(`To let a held step pass send \`approveStep\` with \`${pass}\`.`);
  }
  return cardOf(lines);
}
