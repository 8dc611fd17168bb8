import { describe, expect, it } from 'vitest';
import { foldsOf, momentOfLabels, splitBounds, SplitSpec } from '../../domain/split.js';
import { parseIso, toIso, micros } from '../../domain/time.js';

const bounds = (split: object, asOf: string) => {
  const spec = { split: SplitSpec.parse(split), label: { expression: 'delay > 15', availableAfter: '12h' } };
  const { trainFrom, trainTo, holdoutFrom, holdoutTo } = splitBounds(spec, parseIso(asOf), parseIso('2001-01-01'));
  return [trainFrom, trainTo, holdoutFrom, holdoutTo].map((time) => toIso(micros(time)).slice(0, 13));
};

describe('splitBounds', () => {
  it('holds out the last whole days with known labels and purges before them', () => {
    // The retraining of the flights example: labels known at 8 May noon, holdout 24 April to 7 May, 23 April purged.
    expect(bounds({ from: '2001-01-08T00:00:00Z', purge: '1d', holdout: '14d' }, '2001-05-08T12:00:00Z')).toEqual([
      '2001-01-08T00',
      '2001-04-23T00',
      '2001-04-24T00',
      '2001-05-08T00',
    ]);
  });

  it('never holds out a day whose last labels are not known yet', () => {
    expect(bounds({ holdout: '7d' }, '2001-05-08T11:59:59Z')[3]).toBe('2001-05-07T00');
  });

  it('trains on the trailing stretch when asked to', () => {
    expect(bounds({ train: { trailing: '30d' }, purge: '12h', holdout: '7d' }, '2001-05-08T12:00:00Z')[0]).toBe(
      '2001-03-31T12',
    );
  });

  it('purges at least what labels take to become known, whatever is declared', () => {
    // Labels take 12 hours: at the start of the holdout, 1 May, those of the last 12 hours were not known.
    expect(bounds({ purge: '0s', holdout: '7d' }, '2001-05-08T12:00:00Z').slice(1, 3)).toEqual([
      '2001-04-30T12',
      '2001-05-01T00',
    ]);
  });

  it.each([
    { group: 'customer', holdout: 0.2 },
    { hash: ['order'], holdout: 0.2, from: '2001-02-01T00:00:00Z' },
  ])('takes both parts from all whole days with known labels where %o decides', (split) => {
    const from = 'from' in split ? '2001-02-01T00' : '2001-01-01T00';
    expect(bounds(split, '2001-05-08T11:59:59Z')).toEqual([from, '2001-05-07T00', from, '2001-05-07T00']);
  });

  it('cuts by hours when the holdout is shorter than a day', () => {
    expect(bounds({ purge: '0s', holdout: '6h' }, '2001-05-08T12:30:00Z').slice(2)).toEqual([
      '2001-05-07T18',
      '2001-05-08T00',
    ]);
  });
});

describe('momentOfLabels', () => {
  it('is the first moment at which the parts reach behind the last row', () => {
    const last = parseIso('2001-05-08T10:20:00Z');
    for (const [split, moment] of [
      [{ holdout: '7d' }, '2001-05-09T12:00:00Z'],
      [{ holdout: '6h', purge: '1h' }, '2001-05-08T23:00:00Z'],
      [{ hash: ['origin'], holdout: 0.2 }, '2001-05-09T12:00:00Z'],
    ] as const) {
      const spec = { split: SplitSpec.parse(split), label: { availableAfter: '12h' } };
      const asOf = momentOfLabels(spec, last);
      const holdoutTo = (at: number): number => splitBounds(spec, at, parseIso('2001-01-01')).holdoutTo;
      expect([split, toIso(micros(asOf))]).toEqual([split, moment.replace('Z', '.000Z')]);
      expect([holdoutTo(asOf) > last, holdoutTo(asOf - 1) > last]).toEqual([true, false]);
    }
  });
});

describe('folds of a rolling origin', () => {
  const folds = (split: object): string[][] => {
    const spec = { split: SplitSpec.parse(split), label: { availableAfter: '12h' } };
    const bounds = splitBounds(spec, parseIso('2001-05-08T12:00:00Z'), parseIso('2001-01-01'));
    return foldsOf(spec, bounds).map(({ trainFrom, trainTo, from, to }) =>
      [trainFrom, trainTo, from, to].map((time) => toIso(micros(time)).slice(5, 13)),
    );
  };

  it('lie one after the other up to the last known label, each with its gap', () => {
    expect(folds({ purge: '1d', holdout: '7d', folds: 3 })).toEqual([
      ['01-01T00', '04-16T00', '04-17T00', '04-24T00'],
      ['01-01T00', '04-23T00', '04-24T00', '05-01T00'],
      ['01-01T00', '04-30T00', '05-01T00', '05-08T00'],
    ]);
  });

  it('move their training along where it trails', () => {
    expect(folds({ train: { trailing: '30d' }, purge: '1d', holdout: '7d', folds: 2 })).toEqual([
      ['03-24T00', '04-23T00', '04-24T00', '05-01T00'],
      ['03-31T00', '04-30T00', '05-01T00', '05-08T00'],
    ]);
  });

  it('are one by default, and none where event time does not decide', () => {
    expect(folds({ holdout: '7d' })).toHaveLength(1);
    expect(folds({ hash: ['order'], holdout: 0.2 })).toEqual([]);
  });
});
