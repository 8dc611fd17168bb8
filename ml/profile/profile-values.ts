/** Profiles of arrays: model inputs, served features, predictions. The same figures as `profile-sql.ts` gives. */
import { emptyRegisters, estimateDistinct, writeRegisters } from '../../domain/distinct-sketch.js';
import { chooseGrid, keepGrid, type Range, readMoments, sumOnGrid } from '../../domain/moments.js';
import {
  capCategories,
  categoryOf,
  type CategoryCounts,
  type ColumnFrame,
  type ColumnProfile,
  type MomentGrid,
} from '../../domain/profile.js';
import { addTo, binOf, binsOf, freezeEdges, LENGTH_EDGES } from './bins.js';
import { countNumber, countText } from './distinct.js';

/** Bins of a histogram whose edges are derived. */
export const DERIVED_BINS = 20;

export const EMPTY_FRAME: ColumnFrame = { edges: [], grid: null, categories: null };

/** Of columns that had no value when their frame was frozen. */
const UNIT_GRID: MomentGrid = { pivot: 0, exponent: 0 };

type NamedColumn = Pick<ColumnProfile, 'name' | 'type'>;

/** A frame for a column, from some of its values and from its range; `given` keeps what it has. */
export function frameNumbers(sample: ArrayLike<number>, range: Range, given: ColumnFrame | null = null): ColumnFrame {
  const edges = given !== null && given.edges.length > 0 ? given.edges : freezeEdges(sample, DERIVED_BINS);
  return { edges: [...edges], grid: chooseGrid(range, given?.grid ?? null), categories: null };
}

/** NaN is a missing value. What the given frame leaves open, or does not reach over, is derived from the values. */
export function profileNumbers(
  column: NamedColumn,
  values: ArrayLike<number>,
  given: ColumnFrame | null = null,
): ColumnProfile {
  const scanned = scan(values);
  const frame = scanned.finite.length === 0 ? (given ?? EMPTY_FRAME) : frameNumbers(scanned.finite, scanned, given);
  return profileScanned(column, scanned, frame);
}

/** In a frame that stays as it is, whatever the values are: profiles of any parts add exactly. */
export function profileNumbersInFrame(
  column: NamedColumn,
  values: ArrayLike<number>,
  frame: ColumnFrame,
): ColumnProfile {
  const scanned = scan(values);
  const grid = frame.grid ?? UNIT_GRID;
  const kept = scanned.finite.length === 0 ? grid : keepGrid(scanned, grid);
  return profileScanned(column, scanned, { ...frame, grid: kept });
}

interface Scanned extends Range {
  readonly finite: Float64Array;
  readonly rows: number;
  readonly nans: number;
}

function scan(values: ArrayLike<number>): Scanned {
  const rows = values.length;
  const finite = new Float64Array(rows);
  let [count, nans] = [0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = 0; row < rows; row += 1) {
    const value = values[row] ?? Number.NaN;
    if (value !== value) nans += 1;
    else if (value - value === 0) {
      finite[count] = value;
      count += 1;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { finite: finite.subarray(0, count), rows, nans, min, max };
}

function profileScanned(column: NamedColumn, scanned: Scanned, frame: ColumnFrame): ColumnProfile {
  const { finite, rows, nans, min, max } = scanned;
  const registers = emptyRegisters();
  for (let row = 0; row < finite.length; row += 1) countNumber(registers, finite[row] ?? 0);
  const exact = frame.grid === null || finite.length === 0 ? null : sumOnGrid(finite, frame.grid);
  return {
    ...column,
    count: rows,
    nulls: nans,
    nans: column.type === 'float' ? nans : 0,
    infinities: rows - nans - finite.length,
    // Without the sign of a negative zero, which JSON cannot write.
    min: exact === null ? null : min + 0,
    max: exact === null ? null : max + 0,
    ...(exact === null ? { mean: null, m2: null } : readMoments(exact, finite.length)),
    exact,
    histogram: binsOf(finite, frame.edges),
    categories: null,
    lengths: null,
    distinctSketch: writeRegisters(registers),
    distinct: estimateDistinct(registers),
  };
}

/** Null is a missing value. */
export function profileTexts(
  name: string,
  texts: readonly (string | null)[],
  given: ColumnFrame | null = null,
): ColumnProfile {
  const registers = emptyRegisters();
  const lengths = Array.from({ length: LENGTH_EDGES.length + 1 }, () => 0);
  const counts = countTexts(texts);
  let present = 0;
  // Most columns of text repeat few values, which are hashed and measured once.
  counts.forEach((rows, text) => {
    present += rows;
    countText(registers, text);
    addTo(lengths, binOf(charactersOf(text), LENGTH_EDGES), rows);
  });
  return {
    name,
    type: 'string',
    count: texts.length,
    nulls: texts.length - present,
    nans: 0,
    infinities: 0,
    min: null,
    max: null,
    mean: null,
    m2: null,
    exact: null,
    histogram: null,
    categories: categoriesOf(counts, given?.categories ?? null),
    lengths: { edges: [...LENGTH_EDGES], counts: lengths },
    distinctSketch: writeRegisters(registers),
    distinct: estimateDistinct(registers),
  };
}

function countTexts(texts: readonly (string | null)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) if (text !== null) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function categoriesOf(texts: ReadonlyMap<string, number>, frozen: readonly string[] | null): CategoryCounts {
  const counts = new Map((frozen ?? []).map((value) => [value, 0]));
  let other = 0;
  texts.forEach((rows, text) => {
    const category = categoryOf(text);
    if (frozen !== null && !counts.has(category)) other += rows;
    else counts.set(category, (counts.get(category) ?? 0) + rows);
  });
  return capCategories(counts, { other, frozen: frozen !== null });
}

/** Code points, as DuckDB's `length` counts: a pair of surrogates is one, a surrogate alone another. */
function charactersOf(text: string): number {
  let characters = text.length;
  for (let at = 1; at < text.length; at += 1)
    if ((text.charCodeAt(at - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00) characters -= 1;
  return characters;
}
