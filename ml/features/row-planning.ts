/** Which commits of a dataset still lack their feature rows, in pieces of bounded size. */
import type { MaterializationChunk } from '../../domain/materialization.js';

/** A piece holds about so many rows of the dataset at most. */
const ROWS_PER_CHUNK = 2_000_000;

export interface CommittedRows {
  readonly commitSeq: number;
  /** Rows of the source, those set aside included: their numbers run from 0 to here. */
  readonly rows: number;
}

/** All rows of consecutive commits, or the rows of one commit from a row on. */
export interface CommitRange {
  readonly fromCommit: number;
  readonly toCommit: number;
  /** `[fromRow, toRow)` of the one commit; `toRow` is null for the last piece. Null for whole commits. */
  readonly piece: { readonly fromRow: number; readonly toRow: number | null } | null;
}

export interface PlanRowsInput {
  /** Commits in order. */
  readonly commits: readonly CommittedRows[];
  /** Chunks of this revision of the view over the same rows, in any order. */
  readonly chunks: readonly Pick<MaterializationChunk, 'content' | 'fromCommit' | 'commitSeq' | 'fromRow'>[];
  readonly rowsPerChunk?: number;
}

/** Each commit is read once: its rows never change, only more commits come. */
export function planRows({ commits, chunks, rowsPerChunk = ROWS_PER_CHUNK }: PlanRowsInput): CommitRange[] {
  const done = chunks.filter(({ content }) => content === 'rows');
  const ranges: CommitRange[] = [];
  let openRows = Number.POSITIVE_INFINITY;
  for (const commit of commits) {
    const missing = piecesOf(commit, rowsPerChunk).filter((piece) => !isDone(done, piece));
    const [whole] = missing;
    const last = ranges.at(-1);
    if (whole?.piece === null && last !== undefined && openRows + commit.rows <= rowsPerChunk) {
      ranges[ranges.length - 1] = { ...last, toCommit: commit.commitSeq };
      openRows += commit.rows;
    } else {
      ranges.push(...missing);
      openRows = whole?.piece === null ? commit.rows : Number.POSITIVE_INFINITY;
    }
  }
  return ranges;
}

function piecesOf({ commitSeq, rows }: CommittedRows, rowsPerChunk: number): CommitRange[] {
  const commit = { fromCommit: commitSeq, toCommit: commitSeq };
  if (rows <= rowsPerChunk) return [{ ...commit, piece: null }];
  const count = Math.ceil(rows / rowsPerChunk);
  return Array.from({ length: count }, (_unused, index) => {
    const toRow = index + 1 === count ? null : (index + 1) * rowsPerChunk;
    return { ...commit, piece: { fromRow: index * rowsPerChunk, toRow } };
  });
}

function isDone(chunks: PlanRowsInput['chunks'], { fromCommit, piece }: CommitRange): boolean {
  return chunks.some((chunk) =>
    piece === null
      ? chunk.fromRow === undefined && (chunk.fromCommit ?? 0) <= fromCommit && chunk.commitSeq >= fromCommit
      : chunk.fromRow === piece.fromRow && chunk.fromCommit === fromCommit,
  );
}
