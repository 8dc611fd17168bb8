/** Which cuts of a feature view are still to be computed, given what was committed and what was computed from it. */
import { durationMicros } from '../../domain/duration.js';
import { longestWindowMicros, type WindowedView } from '../../domain/feature-view.js';
import type { MaterializationChunk } from '../../domain/materialization.js';

/** At most so many cuts in a chunk, unless its longest window spans more of them. */
const CUTS_PER_CHUNK = 31;

/** A chunk holds about so many rows at most: one for each key and cut. */
const ROWS_PER_CHUNK = 4_000_000;

/** A segment as planning sees it. Times in microseconds. */
export interface CommittedSegment {
  readonly commitSeq: number;
  readonly commitKnownTs: number;
  readonly minEventTs: number;
  readonly maxEventTs: number;
  /** 0 where rows are known at their commit. */
  readonly minKnownTs: number;
}

/** Stretches of cuts, first and last inclusive, in order; the last may be shorter. */
export interface CutRange {
  readonly fromCut: number;
  readonly toCut: number;
}

export interface PlanCutsInput {
  readonly spec: WindowedView;
  readonly segments: readonly CommittedSegment[];
  /** Chunks of this revision of the view over the same rows, in any order. */
  readonly chunks: readonly Pick<MaterializationChunk, 'commitSeq' | 'fromCut' | 'toCut'>[];
  /** Last cut wanted, microseconds. */
  readonly through: number;
  /** Entities of the dataset: they bound the cuts of a chunk. */
  readonly keys?: number;
}

/**
 * Stretches that hold a cut which some segment touches and no chunk that read the segment covers. So a run that ended
 * half-way is taken up where chunks are missing, and late rows are computed again into the cuts that could have known
 * them, and into no others.
 */
export function planCuts({ spec, segments, chunks, through, keys = 1 }: PlanCutsInput): CutRange[] {
  const touched = segments.map((segment) => ({ commitSeq: segment.commitSeq, ...touchedCuts(spec, segment) }));
  const lacking = touched.flatMap((segment) => {
    const cuts = uncovered(spec, { ...segment, toCut: Math.min(segment.toCut, through) }, chunks);
    return cuts === null ? [] : [cuts];
  });
  if (lacking.length === 0) return [];
  const fromCut = lacking.reduce((least, cuts) => Math.min(least, cuts.fromCut), Number.POSITIVE_INFINITY);
  const toCut = lacking.reduce((greatest, cuts) => Math.max(greatest, cuts.toCut), Number.NEGATIVE_INFINITY);
  return inChunks(spec, { fromCut, toCut }, keys).filter((range) => {
    const near = chunks.filter((chunk) => chunk.fromCut <= range.toCut && chunk.toCut >= range.fromCut);
    return touched.some((segment) => {
      const part = { fromCut: Math.max(segment.fromCut, range.fromCut), toCut: Math.min(segment.toCut, range.toCut) };
      return part.fromCut <= part.toCut && uncovered(spec, { ...part, commitSeq: segment.commitSeq }, near) !== null;
    });
  });
}

/**
 * From the first cut whose windows can hold a row of the segment, and by which that row can be known, to the first whose
 * windows have lost them all.
 */
function touchedCuts(spec: WindowedView, segment: CommittedSegment): CutRange {
  const { minEventTs, maxEventTs, minKnownTs, commitKnownTs } = segment;
  const lag = durationMicros(spec.lag);
  // Windows end before the cut: a row at the very cut belongs to the next one.
  const entered = Math.max(minEventTs + lag + 1, minKnownTs === 0 ? commitKnownTs : minKnownTs);
  const left = maxEventTs + lag + 1 + longestWindowMicros(spec);
  return { fromCut: cutAtOrAfter(spec, entered), toCut: cutAtOrAfter(spec, left) };
}

/** From the first to the last cut that no chunk covers which read the commit; null where there is none. */
function uncovered(
  spec: WindowedView,
  { commitSeq, fromCut, toCut }: CutRange & { commitSeq: number },
  chunks: PlanCutsInput['chunks'],
): CutRange | null {
  const every = durationMicros(spec.cuts.every);
  const read = chunks.filter((chunk) => chunk.commitSeq >= commitSeq);
  let first = fromCut;
  for (const chunk of read.toSorted((left, right) => left.fromCut - right.fromCut))
    if (chunk.fromCut <= first && chunk.toCut >= first) first = chunk.toCut + every;
  let last = toCut;
  for (const chunk of read.toSorted((left, right) => right.toCut - left.toCut))
    if (chunk.toCut >= last && chunk.fromCut <= last) last = chunk.fromCut - every;
  return first > toCut || last < fromCut ? null : { fromCut: first, toCut: last };
}

/** Cuts lie at whole multiples of `every` after `offset`. The first at or after a time. */
export function cutAtOrAfter({ cuts }: Pick<WindowedView, 'cuts'>, time: number): number {
  const [every, offset] = [durationMicros(cuts.every), durationMicros(cuts.offset)];
  return Math.ceil((time - offset) / every) * every + offset;
}

/** The last cut at or before a time. */
export function cutAtOrBefore({ cuts }: Pick<WindowedView, 'cuts'>, time: number): number {
  const [every, offset] = [durationMicros(cuts.every), durationMicros(cuts.offset)];
  return Math.floor((time - offset) / every) * every + offset;
}

function inChunks(spec: WindowedView, { fromCut, toCut }: CutRange, keys: number): CutRange[] {
  const every = durationMicros(spec.cuts.every);
  // A cut reads its whole longest window: with shorter chunks than that the same rows would be read again and again.
  const wanted = Math.max(CUTS_PER_CHUNK, Math.ceil(longestWindowMicros(spec) / every));
  const size = Math.max(1, Math.min(wanted, Math.floor(ROWS_PER_CHUNK / Math.max(1, keys))));
  const last = cutAtOrBefore(spec, toCut);
  const ranges: CutRange[] = [];
  for (let from = fromCut; from <= last; from += size * every)
    ranges.push({ fromCut: from, toCut: Math.min(last, from + (size - 1) * every) });
  return ranges;
}
