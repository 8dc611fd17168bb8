/** API keys by digest, and remembered answers to repeated requests. */
import { ApiKeyRecord } from '../../domain/access.js';
import type { KeyStore } from '../contracts/audit.js';
import type { AppendAudit } from './audit.js';
import { type Database, type StoredDocument, withoutId } from './database.js';

const REMEMBER_MS = 24 * 3_600_000;

export function createKeyStore(database: Database, dependencies: { append: AppendAudit; now: () => number }): KeyStore {
  const { append, now } = dependencies;
  const keys = database.collection('api_keys');
  const answers = database.collection('idempotency_answers');
  const readAnswer = ({ requestDigest, status, body }: StoredDocument) => ({
    requestDigest: String(requestDigest),
    status: Number(status),
    body: body as unknown,
  });

  return {
    insertKey: (key, actor) =>
      database.transact(async (session) => {
        await keys.insertOne({ _id: key.digest, ...key }, { session });
        const details = { name: key.name, role: key.role };
        await append(session, { scope: 'system', actor, action: 'key.created', subject: key.keyId, details }, now());
      }),
    async keyByDigest(digest) {
      const found = await keys.findOne({ _id: digest });
      return found === null ? null : ApiKeyRecord.parse(withoutId(found));
    },
    async keys() {
      return (await keys.find({}).sort({ createdTs: 1 }).toArray()).map((document) =>
        ApiKeyRecord.parse(withoutId(document)),
      );
    },
    revokeKey: (keyId, actor) =>
      database.transact(async (session) => {
        const { modifiedCount } = await keys.updateOne(
          { keyId, revoked: false },
          { $set: { revoked: true } },
          { session },
        );
        if (modifiedCount === 0) return false;
        await append(session, { scope: 'system', actor, action: 'key.revoked', subject: keyId, details: {} }, now());
        return true;
      }),
    async rememberAnswer({ key, actor, requestDigest, status, body }) {
      const _id = `${actor}/${key}`;
      const answer = { requestDigest, status, body, expireAt: new Date(now() / 1_000 + REMEMBER_MS) };
      await answers.updateOne({ _id }, { $setOnInsert: answer }, { upsert: true });
      const stored = await answers.findOne({ _id });
      return stored === null ? answer : readAnswer(stored);
    },
    async answer(key, actor) {
      const found = await answers.findOne({ _id: `${actor}/${key}` });
      return found === null ? null : readAnswer(found);
    },
  };
}
