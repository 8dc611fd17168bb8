import { describe, expect, it } from 'vitest';
import { AUDIT_GENESIS, type AuditEntry, auditHash, verifyAuditChain } from '../../domain/audit.js';
import { sha256Hex } from '../../store/contracts/digests.js';

function chain(length: number): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (let seq = 1; seq <= length; seq += 1) {
    const previousHash = entries.at(-1)?.hash ?? AUDIT_GENESIS;
    const facts = {
      scope: 'model/m',
      seq,
      at: seq,
      actor: 'ann',
      action: 'stage.changed',
      subject: 'm/1',
      details: { to: 'staging', seq },
      previousHash,
    };
    entries.push({ ...facts, hash: auditHash(facts, sha256Hex) });
  }
  return entries;
}

const headOf = (entries: readonly AuditEntry[]): { seq: number; hash: string } => ({
  seq: entries.length,
  hash: entries.at(-1)?.hash ?? AUDIT_GENESIS,
});

describe('verifyAuditChain', () => {
  it('accepts an untouched chain, and an empty one', () => {
    expect(verifyAuditChain(chain(5), headOf(chain(5)), sha256Hex)).toEqual({ valid: true, entries: 5 });
    expect(verifyAuditChain([], headOf([]), sha256Hex)).toEqual({ valid: true, entries: 0 });
  });

  it('locates a changed entry', () => {
    const entries = chain(5).map((entry) => (entry.seq === 3 ? { ...entry, actor: 'mallory' } : entry));
    expect(verifyAuditChain(entries, headOf(chain(5)), sha256Hex)).toEqual({
      valid: false,
      seq: 3,
      problem: 'its content was changed',
    });
  });

  it('locates a removed entry, at the end too', () => {
    expect(verifyAuditChain(chain(5).toSpliced(1, 1), headOf(chain(5)), sha256Hex)).toMatchObject({
      valid: false,
      seq: 2,
    });
    expect(verifyAuditChain(chain(4), headOf(chain(5)), sha256Hex)).toMatchObject({
      valid: false,
      seq: 5,
      problem: 'the head records 5 entries, the chain has 4',
    });
  });

  it('notices an entry that was rewritten with a fresh digest', () => {
    const entries = chain(5);
    const rewritten = entries.map((entry) => {
      if (entry.seq !== 2) return entry;
      const facts = { ...entry, actor: 'mallory' };
      return { ...facts, hash: auditHash(facts, sha256Hex) };
    });
    expect(verifyAuditChain(rewritten, headOf(entries), sha256Hex)).toEqual({
      valid: false,
      seq: 3,
      problem: 'it does not follow the entry before',
    });
  });
});
