/** Status card of a quarantine case: what was set aside and why, who may decide, and the exact JSON to send. */
import { codeSpan, escapeMarkdown } from '../../domain/markdown.js';
import { type QuarantineAction, isOpenCase } from '../../domain/quarantine.js';
import type { QuarantineFacts } from '../contracts/quarantine.js';
import type { QuarantineDecisionMessage } from '../messages.js';
import { cardOf } from './card.js';

/** The signal body a person can paste into the Web UI's form for `decideQuarantine`. */
export function quarantineExample(
  { caseId, decisions }: Pick<QuarantineFacts, 'caseId' | 'decisions'>,
  action: QuarantineAction,
): QuarantineDecisionMessage {
  const reasons = {
    release: 'the rows are right, the rule is too strict',
    fix: 'corrected with the airline',
    discard: 'say here why nobody needs them',
  } as const;
  const decisionId = `${caseId.slice(0, 8)}-${action}-${decisions + 1}`;
  const upload = action === 'fix' ? { upload: 'id-of-the-upload' } : {};
  return { decisionId, action, reason: reasons[action], ...upload, actor: 'your-name' };
}

export function quarantineCard(facts: QuarantineFacts, ignored: readonly string[]): string {
  return cardOf([heading(facts), progress(facts), samples(facts), lacking(facts), choices(facts), notCounted(ignored)]);
}

function heading({ dataset, commitSeq, sourceUri, rows, rules, severity }: QuarantineFacts): string {
  const raised = severity === 'page' ? ' (escalated)' : '';
  return `### ${rows} quarantined ${rows === 1 ? 'row' : 'rows'} of ${dataset}${raised}\n\nFrom ${escapeMarkdown(sourceUri)}, number ${commitSeq}. Rules they fail: ${escapeMarkdown(rules.join(', '))}.`;
}

function progress(facts: QuarantineFacts): string {
  const { state, remaining, released, fixed, discarded, applying, problem, reminders, escalateAtMs } = facts;
  const tally = `${released} released, ${fixed} fixed, ${discarded} discarded, **${remaining} undecided**.`;
  const lines = [isOpenCase(facts) ? tally : `**Closed: ${state}**. ${tally}`];
  if (applying !== null) lines.push(`Decision \`${applying}\` is being carried out.`);
  if (problem !== null) lines.push(`The last decision changed nothing: ${escapeMarkdown(problem)}`);
  if (state === 'open') {
    const next =
      escalateAtMs === null ? 'It was escalated.' : `It is escalated at ${new Date(escalateAtMs).toISOString()}.`;
    lines.push(`${reminders === 0 ? 'Nobody was reminded yet.' : `Reminders so far: ${reminders}.`} ${next}`);
  }
  return lines.join('\n\n');
}

function samples({ samples: rows, remaining }: QuarantineFacts): string {
  if (rows.length === 0) return '';
  // A bar ends the cell, also inside code.
  const code = (text: string): string => codeSpan(text).replaceAll('|', '\\|');
  return [
    `The first ${rows.length} of ${remaining} undecided rows:`,
    '',
    '| row | fails | as it came |',
    '|---|---|---|',
    ...rows.map(({ row, failed, raw }) => `| ${row} | ${escapeMarkdown(failed.join(', '))} | ${code(raw)} |`),
  ].join('\n');
}

function lacking({ lacking: versions }: QuarantineFacts): string {
  return versions.length === 0 ? '' : `Trained without these rows: ${versions.join(', ')}.`;
}

function choices(facts: QuarantineFacts): string {
  const { caseId, state, roles, allowUnauthenticated } = facts;
  if (state !== 'open') return '';
  const json = (action: QuarantineAction): string =>
    ['```json', JSON.stringify(quarantineExample(facts, action), null, 2), '```'].join('\n');
  const proof = allowUnauthenticated
    ? 'The dataset counts signals without proof of their sender.'
    : `A signal counts only with your one-time \`token\`: \`perennial quarantine token ${caseId}\`.`;
  return [
    `Roles that decide: ${roles.join(', ')}. ${proof}`,
    'To **release** the rows, known from now on (those that do not fit their types stay), send the signal `decideQuarantine` with',
    json('release'),
    'to **discard** them',
    json('discard'),
    'or, after uploading corrected rows, to **fix** them',
    json('fix'),
    'With `"rows": [1, 2]` only those rows are meant; with `"rules": ["name"]` a release leaves out only those rules.',
    `Or use \`perennial quarantine release ${caseId} --reason TEXT\`, \`discard\`, \`fix --file PATH\`.`,
  ].join('\n\n');
}

function notCounted(ignored: readonly string[]): string {
  return ignored.map((line) => `- not counted: ${escapeMarkdown(line)}`).join('\n');
}
