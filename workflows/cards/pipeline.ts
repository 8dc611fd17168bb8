/** Status card of a training pipeline: where it is, why it waits, what a person may do now and the exact JSON to send. */
import type { DecisionMessage } from '../../domain/approval.js';
import { escapeMarkdown } from '../../domain/markdown.js';
import { metricLabel, MetricName } from '../../domain/metrics.js';
import type { PipelineOutcome, PipelineStage } from '../../domain/pipeline.js';
import type { TrainingPipelineInput } from '../contracts/lifecycle.js';
import type { StagingCheck } from '../contracts/registry.js';
import type { EvaluationSummary, SnapshotSummary } from '../contracts/training.js';
import { cardOf } from './card.js';

export interface PipelineCardFacts {
  readonly input: TrainingPipelineInput;
  readonly state: {
    readonly stage: PipelineStage;
    readonly version: number | null;
    readonly waitingFor: string | null;
    readonly reasons: readonly string[];
  };
  readonly snapshot?: SnapshotSummary;
  /** How far the search for parameters is, or what it chose. */
  readonly search?: string;
  readonly evaluation?: EvaluationSummary;
  readonly checks?: readonly StagingCheck[];
  readonly approval?: {
    readonly deadlineIso: string;
    readonly quorum: number;
    readonly allowUnauthenticated: boolean;
    readonly ignored: readonly string[];
  };
  readonly outcome?: PipelineOutcome;
}

const ORDER: readonly PipelineStage[] = [
  'snapshot',
  'training_dataset',
  'training',
  'evaluation',
  'registration',
  'staging_checks',
  'awaiting_approval',
  'rollout',
];

/** The signal body a person can paste into the Web UI's form for `decideApproval`. */
export function decisionExample(pipelineId: string, version: number, decision: 'approve' | 'reject'): DecisionMessage {
  const reason = decision === 'approve' ? 'gates and staging checks look right' : 'say here what is wrong';
  return { decisionId: `${pipelineId}-${decision}-1`, decision, reason, version, actor: 'your-name' };
}

export function pipelineCard(facts: PipelineCardFacts): string {
  return cardOf([
    heading(facts),
    progress(facts),
    search(facts),
    metrics(facts),
    checks(facts),
    waiting(facts),
    reasons(facts),
  ]);
}

function heading({ input, state }: PipelineCardFacts): string {
  const version = state.version === null ? 'new version' : `version ${state.version}`;
  return `### ${input.model}: ${version}\n\nStarted by ${escapeMarkdown(input.requestedBy)} (${input.trigger}): ${escapeMarkdown(input.reason)}`;
}

function progress({ state, outcome }: PipelineCardFacts): string {
  if (state.stage === 'closed') return `**Closed: ${outcome ?? 'ended'}**`;
  const at = ORDER.indexOf(state.stage);
  return ORDER.map((stage, index) => (index === at ? `**${stage}**` : index < at ? `${stage} ✓` : stage)).join(' → ');
}

function search({ search: text }: PipelineCardFacts): string {
  return text === undefined ? '' : `**Search**: ${text}`;
}

/** Histories from before metrics had one name everywhere say it in camel case. */
function nameOf(key: string): string {
  const metric = MetricName.safeParse(key);
  return metric.success ? metricLabel(metric.data) : key;
}

function metrics({ evaluation, snapshot }: PipelineCardFacts): string {
  if (evaluation === undefined) return '';
  const { metrics: challenger, championMetrics: champion } = evaluation;
  const rows = Object.entries(challenger).map(
    ([key, value]) => `| ${nameOf(key)} | ${value.toFixed(4)} | ${champion?.[key]?.toFixed(4) ?? '–'} |`,
  );
  const against =
    snapshot?.championVersion === null || snapshot === undefined
      ? 'champion (none)'
      : `champion v${snapshot.championVersion}`;
  return [
    `| holdout | challenger | ${against} |`,
    '|---|---|---|',
    ...rows,
    '',
    ...evaluation.gateLines.map((line) => `- ${escapeMarkdown(line)}`),
  ].join('\n');
}

function checks({ checks: staged }: PipelineCardFacts): string {
  if (staged === undefined) return '';
  return [
    '**Staging checks**',
    '',
    ...staged.map((check) => `- ${check.passed ? '✓' : '✗'} ${check.name}: ${escapeMarkdown(check.explanation)}`),
  ].join('\n');
}

function waiting({ input, state, approval }: PipelineCardFacts): string {
  if (state.waitingFor === null) return '';
  if (approval === undefined || state.version === null) return `**Waiting for** ${state.waitingFor}`;
  const json = (decision: 'approve' | 'reject'): string =>
    ['```json', JSON.stringify(decisionExample(input.pipelineId, state.version ?? 0, decision), null, 2), '```'].join(
      '\n',
    );
  const proof = approval.allowUnauthenticated
    ? 'The policy counts signals without proof of their sender.'
    : 'A signal counts only with your one-time `token`: `perennial approvals token ' + input.pipelineId + '`.';
  return [
    `**Waiting for** ${state.waitingFor} until ${approval.deadlineIso} (${approval.quorum} needed).`,
    'Approving sends this version into the rollout; rejecting archives it.',
    proof,
    'Send the signal `decideApproval` with',
    json('approve'),
    'or',
    json('reject'),
    `or use \`perennial approvals approve ${input.pipelineId}\`.`,
    ...approval.ignored.map((line) => `- not counted: ${escapeMarkdown(line)}`),
  ].join('\n\n');
}

function reasons({ state }: PipelineCardFacts): string {
  return state.reasons.map((reason) => `- ${escapeMarkdown(reason)}`).join('\n');
}
