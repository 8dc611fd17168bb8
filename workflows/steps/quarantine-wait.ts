/** Waits for the next decision, and meanwhile reminds, escalates, and looks for decisions whose signal was lost. */
import { condition } from '@temporalio/workflow';
import type { QuarantineFacts } from '../contracts/quarantine.js';
import type { QuarantineDecisionMessage } from '../messages.js';
import type { QuarantineInbox } from './quarantine-inbox.js';
import { isDecided, type QuarantineRun, refresh } from './quarantine-run.js';

/** The next decision; null where there is none, and something else was done or is to be looked at. */
export async function awaitDecision(
  run: QuarantineRun,
  inbox: QuarantineInbox,
): Promise<QuarantineDecisionMessage | null> {
  const facts = run.facts ?? (await refresh(run));
  const now = Date.now();
  const wakeAtMs = Math.min(facts.remindAtMs, facts.escalateAtMs ?? Infinity, now + run.polls.reviewApprovalMs);
  const summary = 'Next look at the quarantine case';
  const woken = await condition(() => inbox.length > 0, Math.max(1, wakeAtMs - now), { summary });
  const message = inbox.shift();
  if (woken && message !== undefined) return message;
  await raise(run, facts);
  await refresh(run);
  if (isDecided(run)) return null;
  const { messages } = await run.activities.waitingDecisions({ caseId: facts.caseId });
  inbox.push(...messages.filter(({ decisionId }) => !inbox.some((known) => known.decisionId === decisionId)));
  return inbox.shift() ?? null;
}

async function raise({ activities }: QuarantineRun, facts: QuarantineFacts): Promise<void> {
  const { caseId, escalateAtMs, remindAtMs, reminders } = facts;
  if (escalateAtMs !== null && Date.now() >= escalateAtMs) await activities.escalateQuarantine({ caseId });
  if (Date.now() >= remindAtMs) await activities.remindQuarantine({ caseId, reminder: reminders + 1 });
}
