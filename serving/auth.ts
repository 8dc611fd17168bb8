/** Who may ask: programs on this machine where serving is open, otherwise holders of an API key that is not revoked. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Action, type ApiKeyRecord, mayDo, rolesFor } from '../domain/access.js';
import { DomainError } from '../domain/errors.js';
import type { KeyStore } from '../store/contracts/audit.js';
import { sha256Hex } from '../store/contracts/digests.js';
import type { StoreAccess } from './store-access.js';

/** Throws `PRN_AUTH_MISSING`, `PRN_AUTH_INVALID` or `PRN_AUTH_FORBIDDEN`. */
export type Authorise = (headers: IncomingHttpHeaders, action: Action) => Promise<void>;

/**
 * Programs send no `Origin`; a browser sends it for a page of any site, which must not write into an open port of the
 * machine it is shown on.
 */
export const allowLocalPrograms: Authorise = ({ origin }) =>
  origin === undefined ? Promise.resolve() : Promise.reject(new DomainError('PRN_AUTH_MISSING'));

type Holder = Pick<ApiKeyRecord, 'name' | 'role'>;

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
  const remembered = new Map<string, { readonly holder: Holder; readonly untilMs: number }>();
  const holderOf = async (digest: string): Promise<Holder> => {
    const known = remembered.get(digest);
    if (known !== undefined && known.untilMs > nowMs()) return known.holder;
    const holder = await access
      .ask('The key store', () => keys.keyByDigest(digest))
      .then((record) => (record === null || record.revoked ? null : record))
      .catch((error: unknown) => {
        if (known !== undefined) return known.holder;
        throw error;
      });
    if (holder === null) {
      remembered.delete(digest);
      throw new DomainError('PRN_AUTH_INVALID');
    }
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(digest, { holder, untilMs: nowMs() + REMEMBER_MS });
    return holder;
  };
  return async ({ authorization }, action) => {
    const key = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (key === undefined) throw new DomainError('PRN_AUTH_MISSING');
    const { name: actor, role } = await holderOf(sha256Hex(key));
    if (!mayDo(role, action))
      throw new DomainError('PRN_AUTH_FORBIDDEN', { actor, role, action, required: rolesFor(action).join(' or ') });
  };
}
