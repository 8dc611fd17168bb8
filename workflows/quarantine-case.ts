/** One quarantine case: waits, for as long as it takes, for people to release, fix or discard rows that were set aside. */
import { continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import type { QuarantineCaseInput, QuarantineCaseResult } from './contracts/quarantine.js';
import { quarantineStatusQuery } from './messages.js';
import { receiveQuarantineDecisions } from './steps/quarantine-inbox.js';
import { carryOut, workDecision } from './steps/quarantine-decision.js';
import { closeRun, isDecided, openRun, refresh, statusOf } from './steps/quarantine-run.js';
import { awaitDecision } from './steps/quarantine-wait.js';

export async function quarantineCase(input: QuarantineCaseInput): Promise<QuarantineCaseResult> {
  const inbox = receiveQuarantineDecisions();
  const run = openRun(input);
  setHandler(quarantineStatusQuery, () => statusOf(run), { description: 'Where the case is' });
  await refresh(run);
  await resume();
  while (!isDecided(run)) {
    if (isLong(input) && inbox.length === 0) await continueAsNew<typeof quarantineCase>(input);
    const message = await awaitDecision(run, inbox);
    if (message !== null) await workDecision(run, message);
  }
  return closeRun(run);

  /** A run that was ended in the middle of a decision left it to this one. */
  async function resume(): Promise<void> {
    const { applying } = await run.activities.waitingDecisions({ caseId: input.caseId });
    if (applying !== null) await carryOut(run, applying);
  }
}

/** All that matters of a case is stored, so that the next run begins with nothing in hand. */
function isLong({ maxHistoryLength }: QuarantineCaseInput): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || (maxHistoryLength !== undefined && historyLength > maxHistoryLength);
}
