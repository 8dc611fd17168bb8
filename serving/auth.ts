/** Who may ask: everybody on loopback, otherwise holders of an API key that is not revoked. */
import { createHash } from 'node:crypto';
import { DomainError } from '../domain/errors.js';
import type { KeyStore } from '../store/contracts/audit.js';
import type { StoreAccess } from './store-access.js';

/** Throws `PRN_AUTH_MISSING` or `PRN_AUTH_INVALID`. */
export type Authorise = (header: string | undefined) => Promise<void>;

export const allowEverybody: Authorise = () => Promise.resolve();

const REMEMBER_MS = 5_000;
const MAX_REMEMBERED = 10_000;

/**
 * A look-up is remembered for five seconds. While MongoDB is away, keys that were good the last time stay good: nobody
 * can revoke one then either, and models that need no database go on answering.
 */
export function createKeyCheck(
  keys: Pick<KeyStore, 'keyByDigest'>,
  access: StoreAccess,
  nowMs: () => number,
): Authorise {
  const goodUntil = new Map<string, number>();
  return async (header) => {
    const key = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
    if (key === undefined) throw new DomainError('PRN_AUTH_MISSING');
    const digest = createHash('sha256').update(key).digest('hex');
    const remembered = goodUntil.get(digest);
    if (remembered !== undefined && remembered > nowMs()) return;
    const isGood = await access
      .ask('The key store', () => keys.keyByDigest(digest))
      .then((record) => record !== null && !record.revoked)
      .catch((error: unknown) => {
        if (remembered !== undefined) return true;
        throw error;
      });
    if (!isGood) {
      goodUntil.delete(digest);
      throw new DomainError('PRN_AUTH_INVALID');
    }
    if (goodUntil.size >= MAX_REMEMBERED) goodUntil.clear();
    goodUntil.set(digest, nowMs() + REMEMBER_MS);
  };
}
