/** Two profiles of a column side by side: rows by the cells that both have. */
import { type BinCounts, type ColumnProfile } from '../../domain/profile.js';
import type { AlignedCounts } from '../drift/psi.js';

/** Rows of a bin, a category, or of values that lie in neither. */
export interface Cell {
  readonly label: string;
  readonly current: number;
  readonly reference: number;
}

/** Categories of text, else bins of the shared edges; null for histograms with different edges. */
export function cellsOf(current: ColumnProfile, reference: ColumnProfile): Cell[] | null {
  if (current.categories !== null && reference.categories !== null) {
    const [left, right] = [categoryMap(current), categoryMap(reference)];
    const labels = [...new Set([...left.keys(), ...right.keys()])];
    return labels.map((label) => ({ label, current: left.get(label) ?? 0, reference: right.get(label) ?? 0 }));
  }
  const [left, right] = [current.histogram, reference.histogram];
  if (left === null || right === null || left.edges.join() !== right.edges.join()) return null;
  return left.counts.map((count, bin) => ({
    label: binLabel(left, bin),
    current: count,
    reference: right.counts[bin] ?? 0,
  }));
}

function categoryMap({ categories }: ColumnProfile): Map<string, number> {
  const counts = new Map((categories?.values ?? []).map(({ value, count }) => [JSON.stringify(value), count]));
  if ((categories?.other ?? 0) > 0) counts.set('all other values', categories?.other ?? 0);
  return counts;
}

function binLabel({ edges }: BinCounts, bin: number): string {
  if (edges.length === 0) return 'all values';
  if (bin === 0) return `up to ${edges[0]}`;
  return bin === edges.length ? `above ${edges.at(-1)}` : `above ${edges[bin - 1]}, up to ${edges[bin]}`;
}

/** The same with missing and infinite values as cells of their own, where either side has some. */
export function rowCells(current: ColumnProfile, reference: ColumnProfile): Cell[] | null {
  const cells = cellsOf(current, reference);
  if (cells === null) return null;
  const apart = (['nulls', 'infinities'] as const).map((label) => ({
    label,
    current: current[label],
    reference: reference[label],
  }));
  return [...cells, ...apart.filter((cell) => cell.current + cell.reference > 0)];
}

export function countsOf(cells: readonly Cell[]): AlignedCounts {
  return { reference: cells.map(({ reference }) => reference), current: cells.map(({ current }) => current) };
}

/**
 * Histograms with any edges on the union of their edges, the mass of a bin spread evenly over it; infinite values of the
 * two sides are cells of their own, so that they count as different (TFDV).
 */
export function densityCells(current: ColumnProfile, reference: ColumnProfile): Cell[] {
  const ends = [current.min, current.max, reference.min, reference.max].filter((end) => end !== null);
  const edges = [...(current.histogram?.edges ?? []), ...(reference.histogram?.edges ?? []), ...ends];
  const union = [...new Set(edges)].sort((left, right) => left - right);
  const cells = union.flatMap((edge, index) => {
    const from = union[index - 1] ?? edge;
    const [here, there] = [massIn(current, from, edge), massIn(reference, from, edge)];
    return here + there === 0 ? [] : [{ label: `${from} to ${edge}`, current: here, reference: there }];
  });
  const infinite = [
    { label: 'infinite here', current: current.infinities, reference: 0 },
    { label: 'infinite in the reference', current: 0, reference: reference.infinities },
  ];
  return [...cells, ...infinite.filter((cell) => cell.current + cell.reference > 0)];
}

/** Rows of a profile in (from, to], or at the point `to` where both are the same. */
function massIn({ histogram, min, max }: ColumnProfile, from: number, to: number): number {
  if (histogram === null || min === null || max === null) return 0;
  return histogram.counts.reduce((sum, count, bin) => {
    const low = Math.max(min, histogram.edges[bin - 1] ?? min);
    const high = Math.min(max, histogram.edges[bin] ?? max);
    if (count === 0) return sum;
    if (high <= low) return sum + (from < high && high <= to ? count : from === to && to === high ? count : 0);
    return sum + (count * Math.max(0, Math.min(high, to) - Math.max(low, from))) / (high - low);
  }, 0);
}
