/** Audit chains and API keys. */
import type { ApiKeyRecord } from '../../domain/access.js';
import type { AuditEntry, AuditFacts, AuditVerdict } from '../../domain/audit.js';

export interface AuditStore {
  append(facts: AuditFacts, at: number): Promise<AuditEntry>;
  entries(input: { scope?: string; limit?: number }): Promise<AuditEntry[]>;
  scopes(): Promise<string[]>;
  verify(scope: string): Promise<AuditVerdict>;
}

export interface KeyStore {
  /** `actor` is who made it. */
  insertKey(key: ApiKeyRecord, actor: string): Promise<void>;
  keyByDigest(digest: string): Promise<ApiKeyRecord | null>;
  keys(): Promise<ApiKeyRecord[]>;
  /** False when there is no such key that is still good. */
  revokeKey(keyId: string, actor: string): Promise<boolean>;
  /** Remembers the answer to an Idempotency-Key; returns the earlier one if there is one. */
  rememberAnswer(input: {
    key: string;
    actor: string;
    requestDigest: string;
    status: number;
    body: unknown;
  }): Promise<{ readonly requestDigest: string; readonly status: number; readonly body: unknown }>;
  answer(
    key: string,
    actor: string,
  ): Promise<{ readonly requestDigest: string; readonly status: number; readonly body: unknown } | null>;
}
