/** Status card of an ingestion, in Markdown for the Web UI. */
import { escapeMarkdown } from '../../domain/markdown.js';
import type { IngestDatasetInput } from '../contracts/dataset.js';

export type IngestionCardState =
  | { readonly state: 'running' }
  | { readonly state: 'refused'; readonly failures: readonly string[] }
  | {
      readonly state: 'committed' | 'unchanged';
      readonly accepted: number;
      readonly quarantined: number;
      readonly warnings: readonly string[];
      readonly commitSeq: number;
    };

export function ingestionCard(input: IngestDatasetInput, state: IngestionCardState): string {
  const head = `### Dataset ${input.dataset} ← ${escapeMarkdown(input.sourceUri)}\n\n`;
  if (state.state === 'running') return `${head}Reading and validating the source.`;
  if (state.state === 'refused') return `${head}**Refused**; the previous version stays.\n\n${bullets(state.failures)}`;
  const verb =
    state.state === 'committed'
      ? `Committed as number ${state.commitSeq}`
      : `Unchanged: number ${state.commitSeq} holds these rows already`;
  return `${head}**${verb}**: ${state.accepted} rows accepted, ${state.quarantined} quarantined.\n\n${bullets(state.warnings)}`;
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${escapeMarkdown(line)}`).join('\n');
}
