/** Takes pushed feature rows: into history and online, or into one of them. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../domain/canonical-json.js';
import { DomainError } from '../domain/errors.js';
import { generationOf } from '../domain/materialization.js';
import { type PushAnswer, PushTarget, ROWS_PER_PUSH, SentRow } from '../domain/row-push.js';
import type { DeclaredView } from '../scoring/online-plan.js';
import { fitRow, pushedOnlineRows, pushKnownTs, pushShape } from '../scoring/row-push.js';
import { sha256Hex } from '../store/contracts/digests.js';
import type { RowPush } from '../store/contracts/features.js';
import type { Stores } from '../store/contracts/index.js';
import { parseBody } from './json-body.js';
import { declaredView } from './online-plans.js';
import { CLOCKS_DIFFER_MICROS } from './online-request.js';
import type { StoreAccess } from './store-access.js';

export interface RowPushDependencies {
  readonly stores: Pick<Stores, 'features' | 'resources' | 'datasets'>;
  readonly access: StoreAccess;
}

const PUSH_MS = 10_000;

const PushBody = z.strictObject({ to: PushTarget, rows: z.array(SentRow).min(1).max(ROWS_PER_PUSH) });
const PushId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected letters, digits, _ and -, 64 at most');

/**
 * History first: what is online without being in history could never be explained. A call that is repeated under its
 * `Idempotency-Key` writes the same rows with the same rank again. Throws `PRN_REQUEST_INVALID` for rows that do not fit,
 * and `PRN_IDEMPOTENCY_MISMATCH`.
 */
export async function takeRows(
  { stores, access }: RowPushDependencies,
  call: { view: string; body: string; key: string | undefined; now: number },
): Promise<PushAnswer> {
  const { to, rows } = parseBody(PushBody, call.body);
  const pushId = readPushId(call.key);
  const declared = await access.ask('The resource store', () => declaredView(stores, call.view, new Set()));
  const shape = pushShape(declared, call.now + CLOCKS_DIFFER_MICROS);
  const fitted = rows.map((row, index) => fitRow(row, shape, index));
  const push = {
    view: call.view,
    pushId,
    viewRevision: declared.revision,
    receivedTs: call.now,
    online: to !== 'offline',
    digest: sha256Hex(canonicalJson({ to, fitted })),
    rows: fitted,
  };
  const taken = await access.ask('The feature store', () => write(stores, push, { declared, to }), PUSH_MS);
  if (taken.digest !== push.digest) throw new DomainError('PRN_IDEMPOTENCY_MISMATCH', { key: pushId });
  return { view: call.view, pushId, to, rows: rows.length, knownTs: pushKnownTs(declared, taken.receivedTs) };
}

function readPushId(key: string | undefined): string {
  if (key === undefined) return randomBytes(12).toString('hex');
  const parsed = PushId.safeParse(key);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues[0]?.message ?? 'it does not fit';
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'Idempotency-Key', problem });
}

async function write(
  { features, datasets }: RowPushDependencies['stores'],
  push: Omit<RowPush, 'number'>,
  { declared, to }: { declared: DeclaredView; to: PushTarget },
): Promise<RowPush> {
  const taken = await features.savePush(push, to !== 'online');
  if (taken.digest !== push.digest || !taken.online) return taken;
  const { view, spec, revision: viewRevision } = declared;
  const sinceSeq = (await datasets.head(spec.dataset))?.sinceSeq ?? 0;
  const rows = pushedOnlineRows(taken, pushKnownTs(declared, taken.receivedTs));
  await features.upsertOnline(view, rows, generationOf({ viewRevision, sinceSeq }));
  return taken;
}
