/** What each holdout was used for: who was judged by it, and who came to production by it. */
import type { ClientSession } from 'mongodb';
import { type HoldoutSpan, type HoldoutUse, holdoutOverlap, type UsedHoldout } from '../../domain/holdout-use.js';
import { type Database, int64 } from './database.js';

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
  { attemptId, span, ...holdout }: Holdout & { readonly attemptId: string; readonly span: HoldoutSpan },
): Promise<HoldoutUse> {
  const found = await database.collection(COLLECTION).findOneAndUpdate(
    { _id: idOf(holdout) },
    {
      $addToSet: { attempts: attemptId },
      $setOnInsert: { ...holdout, promoted: null },
      $min: { from: int64(span.from) },
      $max: { to: int64(span.to) },
    },
    { upsert: true, returnDocument: 'after' },
  );
  const attempts: unknown[] = found?.['attempts'] ?? [];
  const promoted: Promoted | null = found?.['promoted'] ?? null;
  return {
    attempt: Math.max(1, attempts.indexOf(attemptId) + 1),
    promotedVersion: promoted === null || promoted.attemptId === attemptId ? null : promoted.version,
    overlap: holdoutOverlap({ ...span, attemptId }, await othersWithin(database, holdout, span)),
  };
}

/** Other holdouts of the model with event time in common; those of before their times were kept are not among them. */
async function othersWithin(database: Database, holdout: Holdout, { from, to }: HoldoutSpan): Promise<UsedHoldout[]> {
  const found = await database
    .collection(COLLECTION)
    .find({
      model: holdout.model,
      _id: { $ne: idOf(holdout) },
      from: { $lt: int64(to) },
      to: { $gt: int64(from) },
    })
    .toArray();
  return found.map((other) => ({
    span: { from: Number(other['from']), to: Number(other['to']) },
    attempts: other['attempts'] ?? [],
    promotedAttempt: other['promoted']?.attemptId ?? null,
  }));
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
