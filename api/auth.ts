/** API keys: 256 random bits, stored as digest, shown once. The first start mints one for the admin into a private file. */
import { randomBytes } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { type Action, type Actor, type ApiKeyRecord, mayDo, type Role, rolesFor } from '../domain/access.js';
import { DomainError } from '../domain/errors.js';
import type { KeyStore } from '../store/contracts/audit.js';
import { sha256Hex } from '../store/contracts/digests.js';

export function keyDigest(key: string): string {
  return sha256Hex(key);
}

/** The key itself is in the answer and nowhere else. `by` is who makes it. */
export async function createKey(
  keys: KeyStore,
  input: { name: string; role: Role; by: string; now: number },
): Promise<{ key: string; record: ApiKeyRecord }> {
  const key = `prn_${randomBytes(32).toString('base64url')}`;
  const record = {
    digest: keyDigest(key),
    keyId: randomBytes(6).toString('hex'),
    name: input.name,
    role: input.role,
    createdTs: input.now,
    revoked: false,
  };
  await keys.insertKey(record, input.by);
  return { key, record };
}

/** What follows `Bearer` in an authorization header. Throws `PRN_AUTH_MISSING`. */
export function bearerOf(header: string | undefined): string {
  const key = /^Bearer (\S+)$/.exec(header ?? '')?.[1];
  if (key === undefined) throw new DomainError('PRN_AUTH_MISSING');
  return key;
}

/** Who calls. Throws `PRN_AUTH_MISSING` or `PRN_AUTH_INVALID`. */
export async function authenticate(keys: KeyStore, header: string | undefined): Promise<Actor> {
  const record = await keys.keyByDigest(keyDigest(bearerOf(header)));
  if (record === null || record.revoked) throw new DomainError('PRN_AUTH_INVALID');
  return { name: record.name, role: record.role };
}

export function requireAction(actor: Actor, action: Action): void {
  if (mayDo(actor.role, action)) return;
  throw new DomainError('PRN_AUTH_FORBIDDEN', {
    actor: actor.name,
    role: actor.role,
    action,
    required: rolesFor(action).join(' or '),
  });
}

/** Leaves a valid admin key in the file: the one that is there, or a new one when it is missing or unknown. */
export async function ensureAdminKey(keys: KeyStore, file: string, now: number): Promise<void> {
  const present = await readFile(file, 'utf8').catch(() => '');
  if (present.trim() !== '') {
    const record = await keys.keyByDigest(keyDigest(present.trim()));
    if (record !== null && !record.revoked && record.role === 'admin') return;
  }
  const { key } = await createKey(keys, { name: 'admin', role: 'admin', by: 'first start', now });
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
}
