import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeatureViewSpec, requireWindowedView, type WindowedView } from '../../../domain/feature-view.js';
import { MICROS_PER_DAY } from '../../../domain/time.js';
import { type CommittedSegment, planCuts } from '../../../ml/features/cut-planning.js';
import { type CommitRange, planRows } from '../../../ml/features/row-planning.js';

const DAY = MICROS_PER_DAY;

function daily(window: string, lag = '0s'): WindowedView {
  const features = [{ name: 'n', aggregate: 'count' as const, window }];
  return requireWindowedView('v', FeatureViewSpec.parse({ dataset: 'd', features, cuts: { every: '1d' }, lag }));
}

/** A segment of rows of days `[from, to)`, known at once. */
function segment(commitSeq: number, from: number, to: number): CommittedSegment {
  const [minEventTs, maxEventTs] = [from * DAY, to * DAY - 1];
  return { commitSeq, commitKnownTs: 0, minEventTs, maxEventTs, minKnownTs: minEventTs };
}

const inDays = (ranges: readonly { fromCut: number; toCut: number }[]): [number, number][] =>
  ranges.map(({ fromCut, toCut }) => [fromCut / DAY, toCut / DAY]);

describe('cuts to compute', () => {
  it('reach from the first that can hold a row to the first whose windows have lost them all', () => {
    const segments = [segment(1, 10, 12)];
    const plan = (view: WindowedView, through: number): [number, number][] =>
      inDays(planCuts({ spec: view, segments, chunks: [], through: through * DAY }));
    // Rows of days 10 and 11; a window of two days ends before its cut, so cut 14 is the first without them.
    expect(plan(daily('2d'), 100)).toEqual([[11, 14]]);
    expect(plan(daily('2d', '1d'), 100)).toEqual([[12, 15]]);
    expect(plan(daily('2d'), 12)).toEqual([[11, 12]]);
    expect(plan(daily('2d'), 10)).toEqual([]);
  });

  it('of late rows are those that could have known them, and no others', () => {
    const chunks = [{ commitSeq: 1, fromCut: DAY, toCut: 102 * DAY }];
    const late: CommittedSegment = { ...segment(2, 50, 51), minKnownTs: 51 * DAY + 1 };
    const segments = [segment(1, 0, 100), late];
    expect(inDays(planCuts({ spec: daily('2d'), segments, chunks, through: 200 * DAY }))).toEqual([[52, 53]]);
    // Known only when no window holds them any more: nothing can change.
    const tooLate = [segment(1, 0, 100), { ...late, minKnownTs: 60 * DAY }];
    expect(planCuts({ spec: daily('2d'), segments: tooLate, chunks, through: 200 * DAY })).toEqual([]);
  });

  it('that lie between chunks which are there already are taken up alone', () => {
    const segments = [segment(1, 0, 100)];
    const whole = planCuts({ spec: daily('2d'), segments, chunks: [], through: 200 * DAY });
    expect(inDays(whole)).toEqual([
      [1, 31],
      [32, 62],
      [63, 93],
      [94, 102],
    ]);
    const chunks = [whole[0], whole[2]].flatMap((range) => (range === undefined ? [] : [{ commitSeq: 1, ...range }]));
    expect(planCuts({ spec: daily('2d'), segments, chunks, through: 200 * DAY })).toEqual([whole[1], whole[3]]);
  });

  it('are fewer in a chunk where there are many entities, and never less than one', () => {
    const segments = [segment(1, 0, 10)];
    const sizes = [10, 1_000_000, 50_000_000].map((keys) =>
      planCuts({ spec: daily('1d'), segments, chunks: [], through: 200 * DAY, keys }).map(
        ({ fromCut, toCut }) => (toCut - fromCut) / DAY + 1,
      ),
    );
    expect(sizes).toEqual([[11], [4, 4, 3], Array.from({ length: 11 }, () => 1)]);
  });

  it('are computed once each, whatever order segments come in and wherever a run stops', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 1, max: 20 })), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.infiniteStream(fc.boolean()),
        (drawn, stops) => {
          const spec = daily('3d');
          const chunks: { commitSeq: number; fromCut: number; toCut: number }[] = [];
          const segments: CommittedSegment[] = [];
          for (const [index, [from, length]] of drawn.entries()) {
            segments.push(segment(index + 1, from, from + length));
            // The run of every commit loses some of its chunks.
            for (const range of planCuts({ spec, segments, chunks, through: 200 * DAY }))
              if (stops.next().value) chunks.push({ commitSeq: index + 1, ...range });
          }
          const rest = planCuts({ spec, segments, chunks, through: 200 * DAY });
          chunks.push(...rest.map((range) => ({ commitSeq: drawn.length, ...range })));
          expect(planCuts({ spec, segments, chunks, through: 200 * DAY })).toEqual([]);
          for (const { commitSeq, minEventTs, maxEventTs } of segments)
            for (let cut = minEventTs + DAY; cut <= maxEventTs + 3 * DAY + 1; cut += DAY)
              expect(
                chunks.some((each) => each.commitSeq >= commitSeq && each.fromCut <= cut && each.toCut >= cut),
              ).toBe(true);
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });
});

describe('commits to compute', () => {
  const whole = (fromCommit: number, toCommit: number): CommitRange => ({ fromCommit, toCommit, piece: null });
  const chunkOf = ({ fromCommit, toCommit, piece }: CommitRange) => ({
    content: 'rows' as const,
    fromCommit,
    commitSeq: toCommit,
    ...(piece === null ? {} : { fromRow: piece.fromRow }),
  });

  it('are joined up to a bound, and large ones are read in pieces', () => {
    const commits = [10, 20, 80, 250, 5].map((rows, index) => ({ commitSeq: index + 1, rows }));
    expect(planRows({ commits, chunks: [], rowsPerChunk: 100 })).toEqual([
      whole(1, 2),
      whole(3, 3),
      { fromCommit: 4, toCommit: 4, piece: { fromRow: 0, toRow: 100 } },
      { fromCommit: 4, toCommit: 4, piece: { fromRow: 100, toRow: 200 } },
      { fromCommit: 4, toCommit: 4, piece: { fromRow: 200, toRow: null } },
      whole(5, 5),
    ]);
  });

  it('are those without a chunk, wherever a run stopped', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.boolean()), (rows, stops) => {
        const commits = rows.map((count, index) => ({ commitSeq: index + 1, rows: count }));
        const kept: CommitRange[] = [];
        for (let seen = 1; seen <= commits.length; seen += 1) {
          const chunks = kept.map(chunkOf);
          const plan = planRows({ commits: commits.slice(0, seen), chunks, rowsPerChunk: 100 });
          kept.push(...plan.filter(() => stops.next().value));
        }
        kept.push(...planRows({ commits, chunks: kept.map(chunkOf), rowsPerChunk: 100 }));
        expect(planRows({ commits, chunks: kept.map(chunkOf), rowsPerChunk: 100 })).toEqual([]);
        // Every row of every commit lies in exactly one chunk.
        for (const { commitSeq, rows: count } of commits)
          for (let row = 0; row < count; row += 1) {
            const holders = kept.filter(
              ({ fromCommit, toCommit, piece }) =>
                fromCommit <= commitSeq &&
                toCommit >= commitSeq &&
                (piece === null || (piece.fromRow <= row && row < (piece.toRow ?? Infinity))),
            );
            expect(holders.length).toBe(1);
          }
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});
