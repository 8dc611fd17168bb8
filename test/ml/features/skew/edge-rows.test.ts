import { describe, expect, it } from 'vitest';
import type { FeaturePlan } from '../../../../domain/features.js';
import { edgeRows } from '../../../../ml/features/skew/edge-rows.js';
import { neighbour } from '../../../../ml/features/skew/float32.js';

const PLAN: FeaturePlan = {
  inputs: [
    { name: 'a', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'a' } },
    { name: 'origin', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'origin' } },
    { name: 'at', datatype: 'INT64', nullable: false, source: { kind: 'request', column: 'at' } },
  ],
  features: [
    { name: 'late', expression: 'a > 15.1' },
    { name: 'from_atlanta', expression: "origin == 'ATL'" },
    { name: 'origin', expression: 'origin' },
    { name: 'hour', expression: 'hour_of(at)' },
  ],
  encodings: [{ input: 'origin', categories: ['Zürich'] }],
};

describe('edgeRows', () => {
  const { rows, columns } = edgeRows(PLAN);

  it('tries thresholds with both neighbours, names with look-alikes, and every awkward number', () => {
    const threshold = Math.fround(15.1);
    expect([...(columns['a'] ?? [])]).toEqual(
      expect.arrayContaining([
        threshold,
        neighbour(threshold, 1),
        neighbour(threshold, -1),
        -threshold,
        -0,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        2 ** -149,
        2 ** 23 - 0.5,
        2 ** 24,
        2.5,
      ]),
    );
    expect(columns['origin']).toEqual(
      expect.arrayContaining(['', 'ATL', 'atl', 'ATL ', 'AT', 'ATL\0', 'Zürich', 'ZÜRICH']),
    );
  });

  it('tries times around hours, days and 1970', () => {
    const times = new Set<unknown>(columns['at']);
    expect([-1n, 0n, 1n, 3_600_000_000n, 3_599_999_999n, -86_400_000_001n].map((time) => times.has(time))).toEqual(
      Array.from({ length: 6 }, () => true),
    );
  });

  it('gives the same rows for the same plan, all columns of one length', () => {
    expect(edgeRows(PLAN)).toEqual({ rows, columns });
    expect(Object.values(columns).map(({ length }) => length)).toEqual([rows, rows, rows]);
  });
});
