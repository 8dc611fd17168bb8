/** What a run of a quarantine case knows and shows. */
import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { isOpenCase } from '../../domain/quarantine.js';
import { activityOptions, type Polls, polls } from '../activity-options.js';
import { quarantineCard } from '../cards/quarantine.js';
import type {
  QuarantineActivities,
  QuarantineCaseInput,
  QuarantineCaseResult,
  QuarantineComputeActivities,
  QuarantineFacts,
} from '../contracts/quarantine.js';
import type { QuarantineStatus } from '../messages.js';
import { setDeadline, setKeywords } from '../search-attributes.js';

const MOST_IGNORED = 10;

export interface QuarantineRun {
  readonly input: QuarantineCaseInput;
  readonly workflowId: string;
  readonly activities: QuarantineActivities & QuarantineComputeActivities;
  readonly polls: Polls;
  /** Null until the case was read. */
  facts: QuarantineFacts | null;
  ignored: string[];
  /** Search attributes are written on changes only. */
  shown: string;
}

export function openRun(input: QuarantineCaseInput): QuarantineRun {
  const { io, compute } = activityOptions(input.timing);
  const call = (summary: string) => proxyActivities<QuarantineActivities>({ ...io, summary });
  const activities = {
    startQuarantineCase: call('Start the case').startQuarantineCase,
    describeQuarantineCase: call('Read the case').describeQuarantineCase,
    waitingDecisions: call('Look for decisions that nobody told us').waitingDecisions,
    judgeQuarantineDecision: call('Who decided, and does it count?').judgeQuarantineDecision,
    settleQuarantineDecision: call('Keep what the decision did').settleQuarantineDecision,
    failQuarantineDecision: call('Keep why the decision did nothing').failQuarantineDecision,
    remindQuarantine: call('Remind those who decide').remindQuarantine,
    escalateQuarantine: call('Escalate').escalateQuarantine,
    selectDiscarded: proxyActivities<QuarantineComputeActivities>({ ...compute, summary: 'Find the rows to discard' })
      .selectDiscarded,
  };
  const { workflowId } = workflowInfo();
  return { input, workflowId, activities, polls: polls(input.timing), facts: null, ignored: [], shown: '' };
}

/** Reads the case as it stands, and shows it. */
export async function refresh(run: QuarantineRun): Promise<QuarantineFacts> {
  const facts = await run.activities.describeQuarantineCase({ caseId: run.input.caseId });
  run.facts = facts;
  show(run, facts);
  return facts;
}

export function ignore(run: QuarantineRun, line: string): void {
  run.ignored = [...run.ignored, line].slice(-MOST_IGNORED);
  if (run.facts !== null) show(run, run.facts);
}

function show(run: QuarantineRun, facts: QuarantineFacts): void {
  setCurrentDetails(quarantineCard(facts, run.ignored));
  const stage = { open: 'awaiting_decision', applying: 'applying' } as Readonly<Record<string, string>>;
  const shown = `${facts.state} ${facts.severity} ${facts.escalateAtMs}`;
  if (shown === run.shown) return;
  run.shown = shown;
  setKeywords({ MlDataset: facts.dataset, MlStage: stage[facts.state] ?? 'closed', MlTrigger: facts.severity });
  setDeadline(isOpenCase(facts) ? facts.escalateAtMs : null);
}

export function isDecided({ facts }: QuarantineRun): boolean {
  return facts !== null && !isOpenCase(facts);
}

export function statusOf({ facts, ignored }: QuarantineRun): QuarantineStatus {
  const { state = null, remaining = 0, severity = 'warning', reminders = 0 } = facts ?? {};
  return { state, remaining, severity, reminders, ignored };
}

export async function closeRun(run: QuarantineRun): Promise<QuarantineCaseResult> {
  const { state, released, fixed, discarded } = run.facts ?? (await refresh(run));
  setKeywords({ MlOutcome: state });
  return { state, released, fixed, discarded };
}
