import { describe, expect, it } from 'vitest';
import { assignRoute, fnv1a32, unitPosition } from '../../scoring/hash-routing.js';

describe('unitPosition', () => {
  it('agrees with the published vectors of GrowthBook, version 2', () => {
    expect([
      unitPosition('seed', 'a'),
      unitPosition('foo', 'ab'),
      unitPosition('90850943850283058242805', '123'),
    ]).toEqual([0.0505, 0.2575, 0.7516]);
    expect([fnv1a32('').toString(16), fnv1a32('a').toString(16), fnv1a32('foobar').toString(16)]).toEqual([
      '811c9dc5',
      'e40c292c',
      'bf9cf968',
    ]);
  });
});

describe('assignRoute', () => {
  const units = Array.from({ length: 20_000 }, (_unused, index) => `unit-${index}`);
  const share = (weight: number): Set<string> =>
    new Set(
      units.filter(
        (unit) =>
          assignRoute(
            [
              { version: 1, weight: 100 - weight },
              { version: 2, weight },
            ],
            'salt',
            unit,
          ) === 2,
      ),
    );

  it('gives each version its share', () => {
    expect(share(10).size / units.length).toBeCloseTo(0.1, 1);
    expect(share(50).size / units.length).toBeCloseTo(0.5, 1);
  });

  it('never moves a unit back while a ramp grows', () => {
    const ramp = [1, 10, 25, 50, 100].map(share);
    for (const [index, smaller] of ramp.slice(0, -1).entries()) {
      expect([...smaller].filter((unit) => ramp[index + 1]?.has(unit) !== true)).toEqual([]);
    }
  });

  it('has no answer without routes', () => {
    expect(assignRoute([], 'salt', 'unit')).toBeNull();
  });
});
