import { describe, expect, it } from 'vitest';
import { judgeServed, type RowRank, type ServedComparison } from '../../domain/served-vector.js';

const rank = (eventTs: number, knownTs = eventTs, seq = 1): RowRank => ({ eventTs, knownTs, seq });

function judge(changes: Partial<ServedComparison>): string {
  const row = rank(10);
  return judgeServed({ served: { value: 1, row }, offline: { value: 1, row }, twin: 1, pushed: false, ...changes });
}

describe('judgeServed', () => {
  it('calls values equal bit for bit only', () => {
    expect([
      judge({}),
      judge({ served: { value: null, row: null }, offline: { value: null, row: null } }),
      judge({ served: { value: 0, row: rank(10) }, offline: { value: -0, row: rank(10) }, twin: -0 }),
    ]).toEqual(['equal', 'equal', 'different']);
  });

  it('tells an altered row from one that came late or too early', () => {
    const older = { value: 2, row: rank(9) };
    const newer = { value: 2, row: rank(10, 12) };
    expect([
      judge({ served: { value: 2, row: rank(10) } }),
      judge({ served: older, twin: 2 }),
      judge({ served: older, twin: 3 }),
      judge({ served: newer, twin: 2 }),
      judge({ served: { value: 2, row: rank(10, 10, 2) }, twin: 2 }),
    ]).toEqual(['different', 'late', 'different', 'early', 'early']);
  });

  it('calls no row late where history has one, early where history has none', () => {
    expect([judge({ served: { value: null, row: null } }), judge({ offline: { value: null, row: null } })]).toEqual([
      'late',
      'early',
    ]);
  });

  it('takes a row that history does not know for altered, unless it was pushed', () => {
    const unknown: ServedComparison = {
      served: { value: 2, row: rank(11) },
      offline: { value: 1, row: rank(10) },
      pushed: false,
    };
    expect([judgeServed(unknown), judgeServed({ ...unknown, pushed: true })]).toEqual(['different', 'unverifiable']);
  });
});
