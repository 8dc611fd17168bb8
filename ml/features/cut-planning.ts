/** Which cuts of a feature view are still to be computed, given what was committed and what was computed from it. */
import { durationMicros } from '../../domain/duration.js';
import { longestWindowMicros, type MaterializationChunk, type WindowedView } from '../../domain/feature-view.js';

/** At most so many cuts in a chunk, unless its longest window spans more of them. */
const CUTS_PER_CHUNK = 31;

/** A segment as planning sees it. Times in microseconds. */
export interface CommittedSegment {
  readonly commitSeq: number;
  readonly commitKnownTs: number;
  readonly minEventTs: number;
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
  /** Chunks of this revision of the view, in any order. */
  readonly chunks: readonly Pick<MaterializationChunk, 'commitSeq' | 'fromCut' | 'toCut'>[];
  /** Last cut wanted, microseconds. */
  readonly through: number;
}

/**
 * All cuts from the first that lacks a row some segment could have given it. A cut lacks a segment when no chunk that
 * read it covers the cut: so a run that ended half-way is taken up where it stopped, and late rows are computed again
 * into the cuts that could have known them.
 */
export function planCuts({ spec, segments, chunks, through }: PlanCutsInput): CutRange[] {
  const every = durationMicros(spec.cuts.every);
  const ordered = chunks.toSorted((left, right) => left.fromCut - right.fromCut);
  const firstLacking = segments.map((segment) => {
    let cut = firstTouchedCut(spec, segment);
    for (const { commitSeq, fromCut, toCut } of ordered) {
      if (commitSeq >= segment.commitSeq && fromCut <= cut && toCut >= cut) cut = toCut + every;
    }
    return cut;
  });
  const fromCut = firstLacking.reduce((least, cut) => Math.min(least, cut), Number.POSITIVE_INFINITY);
  return fromCut > through ? [] : inChunks(spec, fromCut, through);
}

/** The first cut whose windows can hold a row of the segment, and by which that row can be known. */
function firstTouchedCut(spec: WindowedView, segment: CommittedSegment): number {
  const { minEventTs, minKnownTs, commitKnownTs } = segment;
  // Windows end before the cut: a row at the very cut belongs to the next one.
  return cutAtOrAfter(
    spec,
    Math.max(minEventTs + durationMicros(spec.lag) + 1, minKnownTs === 0 ? commitKnownTs : minKnownTs),
  );
}

/** Cuts lie at whole multiples of `every` after `offset`. The first at or after a time. */
export function cutAtOrAfter({ cuts }: Pick<WindowedView, 'cuts'>, time: number): number {
  const [every, offset] = [durationMicros(cuts.every), durationMicros(cuts.offset)];
  return Math.ceil((time - offset) / every) * every + offset;
}

function inChunks(spec: WindowedView, fromCut: number, through: number): CutRange[] {
  const every = durationMicros(spec.cuts.every);
  // A cut reads its whole longest window: with shorter chunks than that the same rows would be read again and again.
  const size = Math.max(CUTS_PER_CHUNK, Math.ceil(longestWindowMicros(spec) / every));
  const last = fromCut + Math.floor((through - fromCut) / every) * every;
  const ranges: CutRange[] = [];
  for (let from = fromCut; from <= last; from += size * every)
    ranges.push({ fromCut: from, toCut: Math.min(last, from + (size - 1) * every) });
  return ranges;
}
