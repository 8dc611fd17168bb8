/** Profiles of arrays: served features, predictions. The same figures as `profile-sql.ts` gives for the same values. */
import { emptyRegisters, estimateDistinct, writeRegisters } from '../../domain/distinct-sketch.js';
import { chooseGrid, readMoments, sumOnGrid } from '../../domain/moments.js';
import { capCategories, type ColumnFrame, type ColumnProfile } from '../../domain/profile.js';
import { freezeEdges } from '../drift/histogram.js';
import { binsOf, categoryOf, LENGTH_EDGES } from './bins.js';
import { countHash, hashNumber, hashText } from './distinct.js';

/** Bins of a histogram whose edges are derived. */
export const DERIVED_BINS = 20;

export const EMPTY_FRAME: ColumnFrame = { edges: [], grid: null, categories: null };

/** A frame for a column, from some of its values and from its range; `given` keeps what it has. */
export function frameNumbers(
  sample: ArrayLike<number>,
  range: { readonly min: number; readonly max: number },
  given: ColumnFrame | null = null,
): ColumnFrame {
  const edges = given !== null && given.edges.length > 0 ? given.edges : freezeEdges(sample, DERIVED_BINS);
  return { edges: [...edges], grid: chooseGrid(range.min, range.max, given?.grid ?? null), categories: null };
}

/** NaN is a missing value. Without a frame one is derived from the values themselves. */
export function profileNumbers(
  column: Pick<ColumnProfile, 'name' | 'type'>,
  values: ArrayLike<number>,
  given: ColumnFrame | null = null,
): ColumnProfile {
  const finite = Float64Array.from(values).filter((value) => Number.isFinite(value));
  const infinities = Array.from(values).filter((value) => Math.abs(value) === Number.POSITIVE_INFINITY).length;
  const nans = values.length - finite.length - infinities;
  const registers = emptyRegisters();
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of finite) {
    countHash(registers, hashNumber(value));
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const counts = { count: values.length, nulls: nans, nans, infinities };
  const sketch = { distinctSketch: writeRegisters(registers), distinct: estimateDistinct(registers) };
  const base = { ...column, ...counts, ...sketch, categories: null, lengths: null };
  const frame = finite.length === 0 ? (given ?? EMPTY_FRAME) : frameNumbers(finite, { min, max }, given);
  const histogram = binsOf(finite, frame.edges);
  if (finite.length === 0 || frame.grid === null)
    return { ...base, min: null, max: null, mean: null, m2: null, exact: null, histogram };
  const exact = sumOnGrid(finite, frame.grid);
  return { ...base, min: min + 0, max: max + 0, ...readMoments(exact, finite.length), exact, histogram };
}

/** Null is a missing value. */
export function profileTexts(
  name: string,
  texts: readonly (string | null)[],
  given: ColumnFrame | null = null,
): ColumnProfile {
  const registers = emptyRegisters();
  const lengths: number[] = [];
  const frozen = given?.categories ?? null;
  const counts = new Map((frozen ?? []).map((value) => [value, 0]));
  let other = 0;
  for (const text of texts) {
    if (text === null) continue;
    countHash(registers, hashText(text));
    lengths.push(Array.from(text).length);
    const category = categoryOf(text);
    if (frozen !== null && !counts.has(category)) other += 1;
    else counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  return {
    name,
    type: 'string',
    count: texts.length,
    nulls: texts.length - lengths.length,
    nans: 0,
    infinities: 0,
    min: null,
    max: null,
    mean: null,
    m2: null,
    exact: null,
    histogram: null,
    categories: capCategories(counts, { other, frozen: frozen !== null }),
    lengths: binsOf(lengths, LENGTH_EDGES),
    distinctSketch: writeRegisters(registers),
    distinct: estimateDistinct(registers),
  };
}
