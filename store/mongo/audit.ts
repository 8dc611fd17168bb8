/** Audit chains. The head of a scope is raised first, in the transaction of the change, so that no number is skipped. */
import type { ClientSession } from 'mongodb';
import { AUDIT_GENESIS, AuditEntry, type AuditFacts, auditHash, verifyAuditChain } from '../../domain/audit.js';
import type { Sha256Hex } from '../../domain/ids.js';
import type { AuditStore } from '../contracts/audit.js';
import { type Database, withoutId } from './database.js';

/** Appends within the caller's transaction. */
export type AppendAudit = (session: ClientSession, facts: AuditFacts, at: number) => Promise<AuditEntry>;

export function createAppendAudit(database: Database, sha256Hex: Sha256Hex): AppendAudit {
  const heads = database.collection('audit_heads');
  return async (session, facts, at) => {
    const head = await heads.findOneAndUpdate(
      { _id: facts.scope },
      { $inc: { seq: 1 } },
      { upsert: true, returnDocument: 'after', session },
    );
    const seq = Number(head?.['seq'] ?? 1);
    const previousHash = typeof head?.['hash'] === 'string' ? head['hash'] : AUDIT_GENESIS;
    const unsigned = { ...facts, seq, at, previousHash };
    const entry: AuditEntry = { ...unsigned, hash: auditHash(unsigned, sha256Hex) };
    await database.collection('audit_log').insertOne({ _id: `${facts.scope}:${seq}`, ...entry }, { session });
    await heads.updateOne({ _id: facts.scope }, { $set: { hash: entry.hash } }, { session });
    return entry;
  };
}

export function createAuditStore(
  database: Database,
  dependencies: { append: AppendAudit; sha256Hex: Sha256Hex },
): AuditStore {
  const { append, sha256Hex } = dependencies;
  const log = database.collection('audit_log');
  const heads = database.collection('audit_heads');
  return {
    append: (facts, at) => database.transact((session) => append(session, facts, at)),
    async entries({ scope, limit = 1_000 }) {
      const found = await log
        .find(scope === undefined ? {} : { scope })
        .sort({ at: -1, seq: -1 })
        .limit(limit)
        .toArray();
      return found.map((document) => AuditEntry.parse(withoutId(document)));
    },
    async scopes() {
      return (await heads.find({}, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id).sort();
    },
    async verify(scope) {
      const head = await heads.findOne({ _id: scope });
      const found = await log.find({ scope }).sort({ seq: 1 }).toArray();
      const entries = found.map((document) => AuditEntry.parse(withoutId(document)));
      return verifyAuditChain(
        entries,
        { seq: Number(head?.['seq'] ?? 0), hash: String(head?.['hash'] ?? AUDIT_GENESIS) },
        sha256Hex,
      );
    },
  };
}
