/** A report as Markdown, to be posted where people review the change. */
import type { Evidence } from '../../domain/evaluation.js';
import { codeSpan, escapeMarkdown, markdownTable } from '../../domain/markdown.js';
import { metricLabel, metricValue, TASK_METRICS } from '../../domain/metrics.js';
import { cellText } from '../../domain/model-card-markdown.js';
import { comparedWith, verdictText } from '../evidence-text.js';
import type { CiReport, DataVerdict, ModelVerdict } from './report.js';

export function renderMarkdown(report: CiReport): string {
  const { codeRevision, outcome, reasons, applied, data, models } = report;
  const changed = applied.filter(({ change }) => change !== 'unchanged').length;
  const [judged, others] = [models.filter(isJudged), models.filter((model) => !isJudged(model))];
  return `${[
    `# Perennial CI: ${outcome}`,
    `Code revision ${codeSpan(codeRevision)}. ${applied.length} resources applied, ${changed} of them new or changed.`,
    ...(reasons.length === 0 ? [] : [reasons.map((reason) => `- ${escapeMarkdown(reason)}`).join('\n')]),
    ...judged.map(modelText),
    ...(data.length === 0 ? [] : ['## Data', dataTable(data), ...data.flatMap(brokenRules)]),
    ...(others.length === 0 ? [] : ['## Models that were not trained', others.map(untrained).join('\n')]),
  ].join('\n\n')}\n`;
}

function isJudged({ outcome }: ModelVerdict): boolean {
  return outcome !== 'skipped';
}

function modelText(verdict: ModelVerdict): string {
  const { model, outcome, reasons, evidence, pipelineId, version } = verdict;
  const said = evidence === null || outcome === 'undecided' ? outcome : headline(evidence, verdict);
  const where = [
    pipelineId === null ? [] : [`pipeline ${codeSpan(pipelineId)}`],
    version === null ? [] : [`registered as version ${version}`],
  ].flat();
  return [
    `## ${escapeMarkdown(model)}: ${said}`,
    ...(reasons.length === 0 ? [] : [reasons.map((reason) => `- ${escapeMarkdown(reason)}`).join('\n')]),
    ...(where.length === 0 ? [] : [sentence(where.join(', '))]),
    ...(evidence === null ? [] : [gatesTable(evidence), metricsTable(evidence), ...cardSummary(verdict)]),
  ].join('\n\n');
}

/** Staging checks may refuse what gates let pass. */
function headline(evidence: Evidence, { outcome, stage }: ModelVerdict): string {
  const gates = verdictText(evidence);
  return outcome === 'refused' && evidence.outcome === 'passed' ? `refused after it ${gates} (${stage})` : gates;
}

function gatesTable({ gates }: Evidence): string {
  const headings = ['gate', 'verdict', 'observed', 'lower', 'upper', 'asked', 'rows', 'blocks'];
  return markdownTable(
    headings,
    gates.map(({ name, verdict, observed, interval, threshold, rows, blocks }) => [
      escapeMarkdown(name),
      verdict === 'failed' || verdict === 'no_evidence'
        ? `**${verdict.replaceAll('_', ' ')}**`
        : verdict.replaceAll('_', ' '),
      ...[observed, interval?.lower ?? null, interval?.upper ?? null, threshold].map(figure),
      String(rows),
      String(blocks),
    ]),
  );
}

function metricsTable(evidence: Evidence): string {
  const others = comparedWith(evidence);
  const rows = TASK_METRICS[evidence.task].flatMap((metric) => {
    const own = evidence.metrics[metric];
    if (own === undefined) return [];
    const values = [own.value, own.lower, own.upper, ...others.map(([_name, of]) => metricValue(of, metric))];
    return [[metricLabel(metric), ...values.map(figure)]];
  });
  return markdownTable(['metric', 'value', 'lower', 'upper', ...others.map(([name]) => escapeMarkdown(name))], rows);
}

/** What it was trained on, from the card; the rest of the card is with the version. */
function cardSummary({ card, evidence }: ModelVerdict): string[] {
  const training = card?.tables.find(({ title }) => title === 'Training');
  if (training === undefined || evidence === null) return [];
  const table = markdownTable(
    training.headings.map(escapeMarkdown),
    training.rows.map((row) => row.map(cellText)),
  );
  const alarms = evidence.alarms.map(({ explanation }) => `- ${escapeMarkdown(explanation)}`);
  return [
    ...(alarms.length === 0 ? [] : [`Alarms:\n\n${alarms.join('\n')}`]),
    `<details><summary>Trained on</summary>\n\n${table}\n\n</details>`,
  ];
}

function dataTable(data: readonly DataVerdict[]): string {
  const rows = data.map(({ dataset, outcome, source, rows: count, quarantined, rules }) => [
    escapeMarkdown(dataset),
    outcome === 'refused' ? '**refused**' : outcome,
    // In a table a bar ends the cell, also in code.
    source === null ? '–' : codeSpan(source).replaceAll('|', '\\|'),
    String(count),
    String(quarantined),
    String(rules.length),
  ]);
  return markdownTable(['dataset', 'outcome', 'source', 'rows', 'set aside', 'rules'], rows);
}

function brokenRules({ dataset, outcome, rules, reasons }: DataVerdict): string[] {
  const broken = rules.filter(
    ({ verdict }) => verdict === 'failed' || verdict === 'quarantined' || verdict === 'warned',
  );
  // Reasons quote the rules that refused; those of a dataset that passed are told by its rules alone.
  const told = outcome === 'passed' ? [] : reasons.map((reason) => `- ${escapeMarkdown(reason)}`);
  const lines = broken.map(
    ({ name, verdict, message }) => `- ${escapeMarkdown(name)} ${verdict}: ${escapeMarkdown(message)}`,
  );
  const all = broken.some(({ verdict }) => verdict === 'failed') ? lines : [...told, ...lines];
  return all.length === 0 ? [] : [`${sentence(escapeMarkdown(dataset)).replace(/\.$/, ':')}\n\n${all.join('\n')}`];
}

function untrained({ model, reasons }: ModelVerdict): string {
  return `- ${escapeMarkdown(model)}: ${reasons.map(escapeMarkdown).join('; ')}`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function figure(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(5)));
}
