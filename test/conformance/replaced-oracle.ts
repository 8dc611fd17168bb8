/** What rows of a dataset that replaces its rows were at any time, by a plain walk over its versions. Shares no code with the product. */

/** A row as a source brought it: (id, ts) tells restatements. */
export interface SourceRow {
  readonly id: number;
  readonly ts: number;
  readonly who: string;
  readonly value: number | null;
  /** Declared; null where the row is known at its commit. */
  readonly known: number | null;
}

export interface Commit {
  readonly commitSeq: number;
  readonly knownTs: number;
  readonly rows: readonly SourceRow[];
}

/** One version: the commit that replaced all rows, and those that only added some. */
export type Generation = readonly Commit[];

export interface KnownRow {
  readonly row: SourceRow;
  readonly knownTs: number;
  readonly commitSeq: number;
  readonly seq: number;
  withdrawnTs: number;
}

export function knownRows(generations: readonly Generation[]): KnownRow[] {
  const all: KnownRow[] = [];
  let held: KnownRow[] = [];
  for (const [number, commits] of generations.entries()) {
    const standing: KnownRow[] = [];
    for (const [index, commit] of commits.entries()) {
      const before = new Set(all.map(({ row }) => idOf(row)));
      for (const [seq, row] of commit.rows.entries()) {
        const same = held.find((each) => !standing.includes(each) && isDeepEqual(each.row, row));
        if (number > 0 && index === 0 && same !== undefined) {
          standing.push(same);
          continue;
        }
        const declared = row.known ?? commit.knownTs;
        const knownTs = before.has(idOf(row)) ? Math.max(declared, commit.knownTs) : declared;
        const known = { row, knownTs, commitSeq: commit.commitSeq, seq, withdrawnTs: Infinity };
        standing.push(known);
        all.push(known);
      }
    }
    for (const gone of held) if (!standing.includes(gone)) gone.withdrawnTs = commits[0]?.knownTs ?? 0;
    held = standing;
  }
  return all;
}

export interface Asked {
  readonly who: string;
  readonly time: number;
  readonly latest: boolean;
}

/** The value of the winning row; undefined where none qualifies. A negative value deletes. */
export function valueOf(rows: readonly KnownRow[], { who, time, latest }: Asked): number | null | undefined {
  const known = ({ knownTs, withdrawnTs }: KnownRow): boolean =>
    latest ? withdrawnTs === Infinity : knownTs <= time && withdrawnTs > time;
  const [winner] = rows.filter((each) => each.row.who === who && each.row.ts <= time && known(each)).sort(byRank);
  if (winner === undefined || (winner.row.value ?? 0) < 0) return undefined;
  return winner.row.value;
}

function byRank(left: KnownRow, right: KnownRow): number {
  return (
    right.row.ts - left.row.ts ||
    right.knownTs - left.knownTs ||
    right.commitSeq - left.commitSeq ||
    right.seq - left.seq
  );
}

function idOf({ id, ts }: SourceRow): string {
  return `${id}/${ts}`;
}

function isDeepEqual(left: SourceRow, right: SourceRow): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
