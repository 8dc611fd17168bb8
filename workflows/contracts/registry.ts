/** Activities of registration, staging checks and approval. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { ApprovalOutcome, DecisionMessage } from '../../domain/approval.js';

export interface StagingCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly explanation: string;
}

export interface OpenedApproval {
  readonly approvalId: string;
  readonly deadlineMs: number;
  readonly remindEveryMs: number;
  readonly quorum: number;
  readonly allowUnauthenticated: boolean;
  /** Workflows whose approval this one supersedes. */
  readonly supersededWorkflows: readonly string[];
}

export interface RecordedDecision {
  readonly decisionId: string;
  readonly counted: boolean;
  /** Why it did not count. */
  readonly because: string | null;
  readonly verdict: 'pending' | 'approved' | 'rejected';
  readonly decidedBy: string;
}

export interface RegistryActivities {
  /** Creates the version once per request and returns its number. */
  registerVersion(input: {
    pipelineId: string;
    requestId: string;
    trigger: string;
    codeRevision?: string;
    model: string;
    actor: string;
    snapshot: ArtifactRef;
    dataset: ArtifactRef;
    trained: ArtifactRef;
    evaluated: ArtifactRef;
  }): Promise<{ readonly version: number }>;
  /** Stage `staging`, and reachable under its versioned URL. */
  stageVersion(input: { model: string; version: number; actor: string }): Promise<void>;
  /**
   * Requires a valid skew certificate, then asks the serving process: loaded, contract, golden rows bit for bit, latency.
   * Waits for the version to load.
   */
  checkStagedVersion(input: {
    model: string;
    version: number;
  }): Promise<{ readonly outcome: 'passed' | 'failed'; readonly checks: readonly StagingCheck[] }>;
  /** Takes a candidate out: `archived`, no longer reachable. A version in production is left alone. */
  archiveCandidate(input: { model: string; version: number; actor: string; reason: string }): Promise<void>;
  openApproval(input: {
    approvalId: string;
    model: string;
    version: number;
    workflowId: string;
    requestedBy: string;
  }): Promise<OpenedApproval>;
  /** Verifies who decided, stores the decision once, and judges all decisions so far. */
  recordDecision(input: { approvalId: string; message: DecisionMessage }): Promise<RecordedDecision>;
  /** Judges the stored decisions again: finds those whose signal was lost. */
  reviewApproval(input: { approvalId: string }): Promise<{
    readonly verdict: 'pending' | 'approved' | 'rejected';
    readonly decidedBy: string | null;
    readonly reason: string;
  }>;
  closeApproval(input: {
    approvalId: string;
    outcome: Exclude<ApprovalOutcome, 'pending'>;
  }): Promise<{ readonly outcome: ApprovalOutcome }>;
  extendApproval(input: { approvalId: string; deadlineMs: number }): Promise<void>;
  remindApprovers(input: { approvalId: string; reminder: number }): Promise<void>;
}
