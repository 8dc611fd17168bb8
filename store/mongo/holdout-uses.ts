/** What each holdout was used for: who was judged by it, and who came to production by it. */
import type { ClientSession } from 'mongodb';
import type { HoldoutUse } from '../../domain/evaluation.js';
import type { Database } from './database.js';

const COLLECTION = 'holdout_uses';

interface Holdout {
  readonly model: string;
  /** Of its rows: `Evidence.holdoutDigest`. */
  readonly digest: string;
}

function idOf({ model, digest }: Holdout): string {
  return `${model}/${digest}`;
}

/** Counts an attempt once, however often it is repeated. */
export async function useHoldout(
  database: Database,
  { attemptId, ...holdout }: Holdout & { readonly attemptId: string },
): Promise<HoldoutUse> {
  const found = await database
    .collection(COLLECTION)
    .findOneAndUpdate(
      { _id: idOf(holdout) },
      { $addToSet: { attempts: attemptId }, $setOnInsert: { ...holdout, promoted: null } },
      { upsert: true, returnDocument: 'after' },
    );
  const attempts: unknown[] = found?.['attempts'] ?? [];
  const promoted: Promoted | null = found?.['promoted'] ?? null;
  return {
    attempt: Math.max(1, attempts.indexOf(attemptId) + 1),
    promotedVersion: promoted === null || promoted.attemptId === attemptId ? null : promoted.version,
  };
}

interface Promoted {
  readonly version: number;
  readonly attemptId: string;
}

/** Marks a holdout as used up, by the first version that came to production by it. */
export async function spendHoldout(
  database: Database,
  { session, promoted, ...holdout }: Holdout & { readonly session: ClientSession; readonly promoted: Promoted },
): Promise<void> {
  if (holdout.digest === '') return;
  await database
    .collection(COLLECTION)
    .updateOne(
      { _id: idOf(holdout) },
      { $setOnInsert: { ...holdout, attempts: [promoted.attemptId] } },
      { upsert: true, session },
    );
  await database
    .collection(COLLECTION)
    .updateOne({ _id: idOf(holdout), promoted: { $in: [null] } }, { $set: { promoted } }, { session });
}
