/** Materialised feature rows: the chunks they lie in, how far a view has come, and which chunks a reader sees. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { Name } from './names.js';

/**
 * One materialised part of a view: feature rows as Parquet with the keys, `FEATURE_ROW_COLUMNS` and the features. Rows of
 * one key compete by (event_ts, known_ts, seq); `seq` follows from the commit and the row, so that computing a chunk twice
 * gives the same bytes.
 */
export const MaterializationChunk = z.strictObject({
  view: Name,
  chunkId: z.string(),
  /** Order in which chunks were committed, by which snapshots pin them. */
  seq: z.number().int().positive(),
  /** Aggregates at cuts, rows of the dataset's commits, or rows that were pushed. */
  content: z.enum(['cuts', 'rows', 'pushed']).default('cuts'),
  /** Last commit of the dataset that was read; 0 where none was. */
  commitSeq: z.number().int().nonnegative(),
  /** First commit whose rows a chunk of `rows` holds. */
  fromCommit: z.number().int().positive().optional(),
  /** First row of that commit, where it was too large for one chunk. */
  fromRow: z.number().int().nonnegative().optional(),
  /** Last push whose rows a chunk of `pushed` holds. */
  toPush: z.number().int().positive().optional(),
  /** Last commit that had put its rows in the place of all earlier ones; 0 where no dataset was read. */
  sinceSeq: z.number().int().nonnegative().default(1),
  /** Empty where no dataset was read. */
  datasetVersionId: z.string(),
  viewRevision: z.number().int(),
  /** First and last cut, or event time of row features (inclusive), microseconds. */
  fromCut: z.number().int(),
  toCut: z.number().int(),
  rows: z.number().int(),
  /** Over all rows in any order, taken before they were written and compared with what was read back. */
  checksum: z.string().default(''),
  /** True where rows say when a later version of the dataset took them away (`WITHDRAWN_COLUMN`). */
  withdraws: z.boolean().default(false),
  /** False for rows that were pushed for history only. */
  online: z.boolean().default(true),
  table: ArtifactRef,
});
export type MaterializationChunk = z.infer<typeof MaterializationChunk>;

/** A chunk before it got its `seq`. */
export type NewChunk = Omit<z.input<typeof MaterializationChunk>, 'seq'>;

/** How far a view is computed, written and brought online. */
export const MaterializationState = z.strictObject({
  view: Name,
  viewRevision: z.number().int(),
  /** Last cut that was asked for (inclusive), microseconds; null for row features and pushed rows. */
  throughCut: z.number().int().nullable(),
  /** Commit of the dataset whose rows are all in; 0 where no dataset was read. */
  commitSeq: z.number().int().nonnegative(),
  sinceSeq: z.number().int().nonnegative(),
  /** Last chunk that is online. */
  seq: z.number().int().nonnegative(),
});
export type MaterializationState = z.infer<typeof MaterializationState>;

const REVISION = 2 ** 32;

/**
 * Rows of a new revision of a view, or of a dataset whose rows were all replaced, win over everything before. Exact for
 * two million revisions.
 */
export function generationOf({ viewRevision, sinceSeq }: { viewRevision: number; sinceSeq: number }): number {
  return viewRevision * REVISION + sinceSeq;
}

/** The revision of the view in a generation; 0 among rows that were written without one. */
export function revisionOf(generation: number): number {
  return Math.floor(generation / REVISION);
}

/**
 * The chunks that belong together: those up to `throughSeq` that read the dataset since `sinceSeq`, and what was pushed.
 * Chunks of a dataset whose rows were replaced stay for the snapshots that pinned them.
 */
export function chunksAsOf(
  chunks: readonly MaterializationChunk[],
  pinned: { readonly throughSeq: number; readonly sinceSeq: number },
): MaterializationChunk[] {
  return chunks.filter(
    ({ seq, content, sinceSeq }) => seq <= pinned.throughSeq && (content === 'pushed' || sinceSeq === pinned.sinceSeq),
  );
}

/** The later of two states, whichever run reports first. */
export function laterState(standing: MaterializationState | null, next: MaterializationState): MaterializationState {
  if (standing === null || generationOf(next) > generationOf(standing)) return next;
  if (generationOf(next) < generationOf(standing)) return standing;
  const { throughCut } = standing;
  return {
    ...next,
    throughCut:
      next.throughCut === null || throughCut === null ? next.throughCut : Math.max(throughCut, next.throughCut),
    commitSeq: Math.max(standing.commitSeq, next.commitSeq),
    seq: Math.max(standing.seq, next.seq),
  };
}
