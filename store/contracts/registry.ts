/** The registry: versions, champion and its history, approvals and decisions. The model's head document serialises writers. */
import type { HoldoutSpan, HoldoutUse } from '../../domain/holdout-use.js';
import type { Approval, ApprovalOutcome, Decision } from '../../domain/approval.js';
import type { SkewSummary } from '../../domain/skew-certificate.js';
import type { ChampionEntry, ModelHead, ModelVersion, Stage } from '../../domain/registry.js';

export type NewModelVersion = Omit<ModelVersion, 'version' | 'stage' | 'skew'>;

export interface ApprovalToken {
  readonly digest: string;
  readonly approvalId: string;
  readonly actor: string;
  readonly role: Decision['role'];
}

export interface RegistryStore {
  /** Gap-free number from the head document; the same `requestId` returns the version it made (`PRN_REGISTRY_VERSION_CONFLICT` if its bundle differs). */
  registerVersion(version: NewModelVersion): Promise<ModelVersion>;
  /** Keeps what the certificate of a version says, and its audit entry; a repeat changes nothing. */
  setSkew(input: { model: string; version: number; skew: SkewSummary; actor: string }): Promise<void>;
  /**
   * Counts an evaluation of a model on a holdout, once for each attempt, and tells what the holdout was used for before.
   * A promotion by the attempt itself is no earlier use. `span` is its event time, by which holdouts that overlap are found.
   */
  useHoldout(input: { model: string; digest: string; attemptId: string; span: HoldoutSpan }): Promise<HoldoutUse>;
  version(model: string, version: number): Promise<ModelVersion | null>;
  versions(model: string): Promise<ModelVersion[]>;
  head(model: string): Promise<ModelHead | null>;
  heads(): Promise<ModelHead[]>;
  /** Compare-and-set of a stage other than production; a repeat is a no-op. Throws `PRN_REGISTRY_STAGE_CONFLICT`. */
  setStage(input: {
    model: string;
    version: number;
    from: Stage;
    to: Stage;
    actor: string;
    reason: string;
  }): Promise<void>;
  champion(model: string): Promise<ChampionEntry | null>;
  championAt(model: string, at: number): Promise<ChampionEntry | null>;
  championHistory(model: string): Promise<ChampionEntry[]>;

  /** Opens an approval once per id and supersedes older pending ones of the model; returns those. */
  openApproval(approval: Approval): Promise<{ readonly superseded: readonly Approval[] }>;
  approval(approvalId: string): Promise<Approval | null>;
  approvals(filter: { model?: string; outcome?: ApprovalOutcome }): Promise<Approval[]>;
  /** Moves a pending approval to its outcome; a repeat returns the outcome that stands. */
  closeApproval(input: { approvalId: string; outcome: ApprovalOutcome; at: number; actor: string }): Promise<Approval>;
  extendApproval(approvalId: string, deadlineTs: number): Promise<void>;
  /** Inserts once per `decisionId`; a repeat returns the stored decision. Writes the audit entry in the same transaction. */
  insertDecision(decision: Decision): Promise<Decision>;
  decision(decisionId: string): Promise<Decision | null>;
  decisions(approvalId: string): Promise<Decision[]>;
  saveToken(token: ApprovalToken): Promise<void>;
  /** Consumes a token for one decision; null when it is unknown, of another approval, or spent on another decision. */
  consumeToken(input: { digest: string; approvalId: string; decisionId: string }): Promise<ApprovalToken | null>;
}
