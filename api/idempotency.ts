/** Repeated requests: the same Idempotency-Key and request get the first answer again; another request is refused. */
import { z } from 'zod';
import { canonicalJson } from '../domain/canonical-json.js';
import { DomainError } from '../domain/errors.js';
import type { KeyStore } from '../store/contracts/audit.js';
import { sha256Hex } from '../store/contracts/digests.js';
import type { SentFile, SentText, ServerEvent } from './route.js';

const MAX_KEY_LENGTH = 200;

/** What is kept of an answer: never its secrets. */
const KeptAnswer = z.object({ body: z.unknown(), location: z.string().nullable() });

export interface RepeatableRequest {
  readonly key: string;
  readonly actor: string;
  readonly method: string;
  readonly path: string;
  readonly query: unknown;
  readonly body: unknown;
}

/** An answer as it goes out, with the part that may be kept apart from the part that may not. */
export interface SentAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly location: string | null;
  readonly secret: Readonly<Record<string, unknown>>;
  /** Of reads only, which are never kept. */
  readonly file?: SentFile;
  readonly text?: SentText;
  readonly events?: AsyncIterable<ServerEvent>;
}

export type OnceOnly = (request: RepeatableRequest, work: () => Promise<SentAnswer>) => Promise<SentAnswer>;

/**
 * Runs work once per actor and key. Calls that arrive together wait for each other in this process; across processes and
 * crashes the ids that handlers derive from the key make the work itself repeatable.
 */
export function createOnceOnly(keys: Pick<KeyStore, 'answer' | 'rememberAnswer'>): OnceOnly {
  const running = new Map<string, Promise<SentAnswer>>();
  return async (request, work) => {
    requireUsableKey(request.key);
    const slot = canonicalJson([request.actor, request.key]);
    const before = running.get(slot)?.catch(() => undefined) ?? Promise.resolve();
    const mine = before.then(() => answerOnce(keys, request, work));
    running.set(slot, mine);
    try {
      return await mine;
    } finally {
      if (running.get(slot) === mine) running.delete(slot);
    }
  };
}

async function answerOnce(
  keys: Pick<KeyStore, 'answer' | 'rememberAnswer'>,
  { key, actor, ...request }: RepeatableRequest,
  work: () => Promise<SentAnswer>,
): Promise<SentAnswer> {
  const requestDigest = sha256Hex(canonicalJson(request));
  const earlier = await keys.answer(key, actor);
  if (earlier !== null) return repeated(earlier, { key, requestDigest });
  const answer = await work();
  const kept = { body: answer.body, location: answer.location };
  const stored = await keys.rememberAnswer({ key, actor, requestDigest, status: answer.status, body: kept });
  const standing = repeated(stored, { key, requestDigest });
  // Another process may have been first: then its answer stands, and this one's secrets are shown to nobody.
  return canonicalJson(standing.body) === canonicalJson(answer.body) ? answer : standing;
}

function repeated(
  { requestDigest, status, body }: { requestDigest: string; status: number; body: unknown },
  expected: { key: string; requestDigest: string },
): SentAnswer {
  if (requestDigest !== expected.requestDigest)
    throw new DomainError('PRN_IDEMPOTENCY_MISMATCH', { key: expected.key });
  const kept = KeptAnswer.parse(body);
  return { status, body: kept.body, location: kept.location, secret: {} };
}

function requireUsableKey(key: string): void {
  if (key.length > 0 && key.length <= MAX_KEY_LENGTH) return;
  const problem = `expected 1 to ${MAX_KEY_LENGTH} characters, got ${key.length}`;
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'Idempotency-Key', problem });
}
