/** Activities of quarantine cases, and what their workflow knows of a case. */
import type { QuarantineAction, QuarantineDecisionMessage, QuarantineState } from '../../domain/quarantine.js';
import type { Timing } from './common.js';

/** Start input; `maxHistoryLength` continues as new after so many events, where a test wants to see it. */
export interface QuarantineCaseInput {
  readonly caseId: string;
  readonly dataset: string;
  readonly timing: Timing;
  readonly maxHistoryLength?: number;
}

export interface QuarantineCaseResult {
  readonly state: QuarantineState;
  readonly released: number;
  readonly fixed: number;
  readonly discarded: number;
}

export interface QuarantineFacts {
  readonly caseId: string;
  readonly dataset: string;
  readonly commitSeq: number;
  readonly sourceUri: string;
  readonly state: QuarantineState;
  readonly severity: 'warning' | 'page';
  readonly rows: number;
  readonly remaining: number;
  readonly released: number;
  readonly fixed: number;
  readonly discarded: number;
  readonly rules: readonly string[];
  /** Decision that is being carried out. */
  readonly applying: string | null;
  readonly problem: string | null;
  readonly roles: readonly string[];
  readonly allowUnauthenticated: boolean;
  readonly reminders: number;
  /** Decisions so far, whatever became of them. */
  readonly decisions: number;
  readonly openedMs: number;
  readonly remindAtMs: number;
  /** Null once it happened. */
  readonly escalateAtMs: number | null;
  /** The first undecided rows: number in the source, failed rules, and the beginning of the raw values. */
  readonly samples: readonly { readonly row: number; readonly failed: readonly string[]; readonly raw: string }[];
  /** Model versions that learned from the dataset without these rows, at most ten. */
  readonly lacking: readonly string[];
}

/** A decision that is to be carried out now. */
export interface CountedDecision {
  readonly decisionId: string;
  readonly action: QuarantineAction;
  readonly actor: string;
  /** Of the rows that it brings back. */
  readonly ingestionId: string;
}

export interface JudgedDecision {
  /** Null where it does not count. */
  readonly counted: CountedDecision | null;
  readonly because: string | null;
  readonly decidedBy: string;
}

export interface QuarantineActivities {
  /** Starts the workflow of the case that a commit made, unless it runs. */
  startQuarantineCase(input: { dataset: string; commitSeq: number }): Promise<{ readonly caseId: string | null }>;
  describeQuarantineCase(input: { caseId: string }): Promise<QuarantineFacts>;
  /** Kept decisions that wait although nobody told the workflow, and the one that was being carried out when it ended. */
  waitingDecisions(input: { caseId: string }): Promise<{
    readonly applying: CountedDecision | null;
    readonly messages: readonly QuarantineDecisionMessage[];
  }>;
  /** Verifies who decided, stores the decision once, and begins to carry it out if it counts. */
  judgeQuarantineDecision(input: { caseId: string; message: QuarantineDecisionMessage }): Promise<JudgedDecision>;
  /** The decision took effect; `release` names the commit of the rows that came back. */
  settleQuarantineDecision(input: {
    caseId: string;
    decisionId: string;
    release: { readonly commitSeq: number; readonly versionId: string } | null;
  }): Promise<void>;
  failQuarantineDecision(input: { caseId: string; decisionId: string; problem: string }): Promise<void>;
  remindQuarantine(input: { caseId: string; reminder: number }): Promise<void>;
  escalateQuarantine(input: { caseId: string }): Promise<void>;
}

export interface QuarantineComputeActivities {
  /** Finds the rows that a discard is about; none is a result as well. */
  selectDiscarded(input: { caseId: string; decisionId: string }): Promise<{ readonly selected: number }>;
}
