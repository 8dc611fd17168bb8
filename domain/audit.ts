/** The audit chain: each entry holds the digest of the one before, so that a changed or missing entry shows. */
import { z } from 'zod';
import { canonicalJson } from './canonical-json.js';
import type { Sha256Hex } from './ids.js';

export const AuditEntry = z.strictObject({
  /** Chain the entry belongs to: `model/<name>`, `endpoint/<name>`, `dataset/<name>` or `system`. */
  scope: z.string(),
  seq: z.number().int().positive(),
  at: z.number().int(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  previousHash: z.string(),
  hash: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
export type AuditFacts = Pick<AuditEntry, 'actor' | 'action' | 'subject' | 'details'> & { readonly scope: string };

export const AUDIT_GENESIS = '0'.repeat(64);

/** Digest of an entry over everything but the digest itself. */
export function auditHash(entry: Omit<AuditEntry, 'hash'>, sha256Hex: Sha256Hex): string {
  const { scope, seq, at, actor, action, subject, details, previousHash } = entry;
  return sha256Hex(canonicalJson({ scope, seq, at, actor, action, subject, details, previousHash }));
}

export type AuditVerdict =
  | { readonly valid: true; readonly entries: number }
  | { readonly valid: false; readonly seq: number; readonly problem: string };

/** Checks one chain in order of `seq`, from its beginning, against the head that was recorded separately. */
export function verifyAuditChain(
  entries: readonly AuditEntry[],
  head: { readonly seq: number; readonly hash: string },
  sha256Hex: Sha256Hex,
): AuditVerdict {
  let previousHash = AUDIT_GENESIS;
  for (const [index, entry] of entries.entries()) {
    const seq = index + 1;
    if (entry.seq !== seq) return { valid: false, seq, problem: `entry ${seq} is missing` };
    if (entry.previousHash !== previousHash)
      return { valid: false, seq, problem: 'it does not follow the entry before' };
    if (auditHash(entry, sha256Hex) !== entry.hash) return { valid: false, seq, problem: 'its content was changed' };
    previousHash = entry.hash;
  }
  if (head.seq !== entries.length || head.hash !== previousHash) {
    return {
      valid: false,
      seq: entries.length + 1,
      problem: `the head records ${head.seq} entries, the chain has ${entries.length}`,
    };
  }
  return { valid: true, entries: entries.length };
}
