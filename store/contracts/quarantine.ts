/** Quarantine cases, the decisions about them, and their rows. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { QuarantineCase, QuarantineDecision, QuarantineSplit } from '../../domain/quarantine.js';
import type { QuarantineTransition } from '../../domain/quarantine-transitions.js';

export interface QuarantineStore {
  /** Newest first. */
  cases(filter: { dataset?: string; open?: boolean }, limit: number): Promise<QuarantineCase[]>;
  case(caseId: string): Promise<QuarantineCase | null>;
  /** The case of what a commit set aside. */
  caseOfCommit(dataset: string, commitSeq: number): Promise<QuarantineCase | null>;
  /**
   * Applies a transition, with its audit entry, its event, and the verdict on its decision, in one transaction. One that is
   * not legal (any more) changes nothing. Returns the case that stands then. Throws `PRN_QUARANTINE_NOT_FOUND`.
   */
  change(caseId: string, transition: QuarantineTransition, actor: string): Promise<QuarantineCase>;
  /** Inserts once per case and `decisionId`, with an audit entry; a repeat returns the stored decision. */
  insertDecision(decision: QuarantineDecision): Promise<QuarantineDecision>;
  decision(caseId: string, decisionId: string): Promise<QuarantineDecision | null>;
  /** In order of time. */
  decisions(caseId: string): Promise<QuarantineDecision[]>;
  /** Marks a pending decision as not counted. */
  ignoreDecision(decision: Pick<QuarantineDecision, 'caseId' | 'decisionId'>, because: string): Promise<void>;
  /** Keeps what a decision would leave undecided. */
  saveSplit(decision: Pick<QuarantineDecision, 'caseId' | 'decisionId'>, split: QuarantineSplit): Promise<void>;
}

/** A row that was set aside. */
export interface QuarantinedRow {
  /** Its number in the source, from 1 over all files. */
  readonly sourceRow: number;
  readonly sourceFile: string;
  /** Its number in that file, from 1. */
  readonly fileRow: number;
  /** Its values as they came, as JSON text. */
  readonly raw: string;
  readonly failedRules: readonly string[];
}

export interface QuarantineRows {
  /** Rows behind `after`, in order of the source. */
  page(table: ArtifactRef, range: { readonly after: number; readonly limit: number }): Promise<QuarantinedRow[]>;
}
