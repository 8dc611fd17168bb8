/** Feature vectors that were really served, kept for a sample of predictions and recomputed from history afterwards. */
import { z } from 'zod';
import { FeatureValue } from './feature-view.js';

/** By what rows of one key compete: the greatest (eventTs, knownTs, seq) wins. */
export const RowRank = z.strictObject({
  eventTs: z.number().int(),
  knownTs: z.number().int(),
  seq: z.number().int(),
});
export type RowRank = z.infer<typeof RowRank>;

/** What one use of a view gave for one prediction. */
export const ServedRead = z.strictObject({
  /** The use of the view, its name or alias. */
  use: z.string(),
  /** Entity key values in the order of the entity's keys, as the online key was made of them. */
  keys: z.array(z.union([z.string(), z.number()])),
  /** The online row that was read, even where its values did not count; null where there was none. */
  row: RowRank.nullable(),
  /** Model inputs as the graph was fed, null for missing. Inputs that the caller sent himself are left out. */
  values: z.record(z.string(), FeatureValue),
});
export type ServedRead = z.infer<typeof ServedRead>;

export const ServedVector = z.strictObject({
  predictionId: z.string(),
  version: z.number().int().positive(),
  /** The moment that was asked about, and the wall time at which the rows were read; microseconds. */
  eventTs: z.number().int(),
  readTs: z.number().int(),
  reads: z.array(ServedRead),
});
export type ServedVector = z.infer<typeof ServedVector>;

/**
 * `late`: an older row than history has for that moment, or one that was withdrawn by then, because what came after was not published yet; `overdue`: so for
 * longer than the endpoint allows, as when an online row was lost. `early`: a row that was not known at that moment. `unverifiable`: a row that was pushed to the online store only. `different`: history
 * knows no such row, or knows it with another value.
 */
export const ServedVerdict = z.enum(['equal', 'late', 'overdue', 'early', 'unverifiable', 'different']);
export type ServedVerdict = z.infer<typeof ServedVerdict>;

export interface ServedComparison {
  readonly served: { readonly value: FeatureValue; readonly row: RowRank | null };
  /** The winning row of the same key at the moment asked about, and its value then. */
  readonly offline: { readonly value: FeatureValue; readonly row: RowRank | null };
  /** Value, at that moment, of the very row that was served, as history has it; absent where history has no such row. */
  readonly twin?: FeatureValue;
  /** True where the row that was served had been taken away before the moment asked about. */
  readonly withdrawn?: boolean;
  /** True for rows that were pushed rather than computed. */
  readonly pushed: boolean;
}

/** Bit for bit: −0 is not 0. */
export function judgeServed({ served, offline, twin, withdrawn, pushed }: ServedComparison): ServedVerdict {
  if (Object.is(served.value, offline.value)) return 'equal';
  if (served.row === null) return 'late';
  if (twin === undefined) return pushed ? 'unverifiable' : 'different';
  if (!Object.is(served.value, twin)) return 'different';
  // A later version of the data no longer had the row, and what it has was not online yet.
  if (withdrawn === true) return 'late';
  return offline.row !== null && compareRanks(served.row, offline.row) < 0 ? 'late' : 'early';
}

/** Negative where the left row loses. */
export function compareRanks(left: RowRank, right: RowRank): number {
  return left.eventTs - right.eventTs || left.knownTs - right.knownTs || left.seq - right.seq;
}

/** One value that was served otherwise than history gives it: what an alert shows. Values are texts. */
export const ServedDifference = z.strictObject({
  verdict: ServedVerdict,
  predictionId: z.string(),
  version: z.number().int().positive(),
  input: z.string(),
  view: z.string(),
  feature: z.string(),
  keys: z.array(z.union([z.string(), z.number()])),
  eventTs: z.number().int(),
  readTs: z.number().int(),
  served: z.string(),
  recomputed: z.string(),
  servedRow: RowRank.nullable(),
  offlineRow: RowRank.nullable(),
});
export type ServedDifference = z.infer<typeof ServedDifference>;
