import { describe, expect, it } from 'vitest';
import { shareReads } from '../../serving/shared-reads.js';
import type { OnlineRow } from '../../store/contracts/features.js';

const rowOf = (key: string): OnlineRow => ({ key, values: {}, eventTs: 1, knownTs: 1, seq: 1, deleted: false });

describe('reads of one view at once', () => {
  it('wait while four run, are then one read, and each gets its own rows', async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const { readOnline } = shareReads({
      readOnline: (_view, keys, features) =>
        new Promise((resolve) => {
          asked.push(`${keys.join()} ${features?.join() ?? 'all'}`);
          answers.push(() => resolve(new Map(keys.map((key) => [key, rowOf(key)]))));
        }),
    });
    const reads = ['a', 'b', 'c', 'd', 'e', 'f', 'e'].map((key, at) =>
      readOnline('view', [key], at < 6 ? ['x'] : ['y']),
    );
    expect(asked).toEqual(['a x', 'b x', 'c x', 'd x']);
    answers[0]?.();
    await reads[0];
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.slice(4)).toEqual(['e,f x,y']);
    for (const answer of answers) answer();
    expect((await Promise.all(reads)).map((rows) => [...rows.keys()])).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f', 'e'].map((key) => [key]),
    );
  });
});
