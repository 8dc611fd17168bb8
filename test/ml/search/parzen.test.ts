import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterRange } from '../../../domain/search-space.js';
import { densityAt, drawFrom, frequenciesOf, mixtureOf, pickFrom } from '../../../ml/search/parzen.js';
import { positionOf, roomOf, valueAt } from '../../../ml/search/scale.js';

describe('a mixture of truncated normals', () => {
  const mass = (positions: readonly number[], from = 0, to = 1): number => {
    const mixture = mixtureOf(positions);
    const steps = 2_000;
    let sum = 0;
    for (let step = 0; step < steps; step += 1) {
      const at = from + ((step + 0.5) / steps) * (to - from);
      sum += densityAt(mixture, [at, at]) * ((to - from) / steps);
    }
    return sum;
  };

  it('has mass 1 on the unit interval, whatever was seen', () => {
    for (const positions of [[], [0], [1, 1, 1], [0.2, 0.21, 0.9], Array.from({ length: 200 }, () => 0.5)])
      expect(mass(positions)).toBeCloseTo(1, 4);
  });

  it('gives of a room the mean of its density', () => {
    const positions = [0.1, 0.15, 0.7];
    expect(densityAt(mixtureOf(positions), [0.1, 0.3])).toBeCloseTo(mass(positions, 0.1, 0.3) / 0.2, 4);
  });

  it('is denser where more was seen, and draws by its density', () => {
    const positions = [0.2, 0.22, 0.24, 0.9];
    const mixture = mixtureOf(positions);
    expect(densityAt(mixture, [0.22, 0.22])).toBeGreaterThan(2 * densityAt(mixture, [0.6, 0.6]));
    const draws = Array.from({ length: 1_000 }, (_unused, at) => drawFrom(mixture, (at % 5) / 5, at / 1_000));
    for (const from of [0, 0.2, 0.4, 0.6, 0.8]) {
      const share = draws.filter((position) => position >= from && position < from + 0.2).length / draws.length;
      expect(share).toBeCloseTo(mass(positions, from, from + 0.2), 2);
    }
    expect(draws.every((position) => position >= 0 && position <= 1)).toBe(true);
  });

  it('is the wide normal alone before anything was seen', () => {
    // φ(0) / (Φ(½) − Φ(−½)) = 0.3989423 / 0.3829249
    expect(densityAt(mixtureOf([]), [0.5, 0.5])).toBeCloseTo(1.041829, 5);
  });
});

describe('smoothed frequencies', () => {
  it('count each position once beforehand', () => {
    expect(frequenciesOf([0, 0, 2], 4)).toEqual([3 / 7, 1 / 7, 2 / 7, 1 / 7]);
  });

  it('are drawn by their shares', () => {
    expect([0, 0.49, 0.5, 0.99, 1].map((uniform) => pickFrom([0.5, 0, 0.5], uniform))).toEqual([0, 0, 2, 2, 2]);
  });
});

describe('the scale of a range', () => {
  const range = fc
    .record({
      min: fc.integer({ min: 1, max: 1_000 }),
      width: fc.integer({ min: 0, max: 1_000 }),
      scale: fc.constantFrom('linear', 'log'),
      type: fc.constantFrom('int', 'float'),
    })
    .map(({ width, ...rest }) => ParameterRange.parse({ ...rest, max: rest.min + width }));

  it('gives values within the range, and finds them again', () => {
    fc.assert(
      fc.property(range, fc.double({ min: 0, max: 1, noNaN: true }), (about, position) => {
        const value = valueAt(about, position);
        expect(value).toBeGreaterThanOrEqual(about.min);
        expect(value).toBeLessThanOrEqual(about.max);
        const found = positionOf(about, value);
        expect(found).not.toBeNull();
        const [from, to] = roomOf(about, value);
        expect(found).toBeGreaterThanOrEqual(from);
        expect(found).toBeLessThanOrEqual(to);
        expect(valueAt(about, found ?? Number.NaN)).toBeCloseTo(value, 6);
      }),
    );
  });

  it('knows no position of a value outside, or between whole numbers', () => {
    const about = ParameterRange.parse({ min: 1, max: 8, type: 'int' });
    expect([0, 9, 2.5, Number.NaN].map((value) => positionOf(about, value))).toEqual([null, null, null, null]);
    // Eight rooms, of which 1 has the first.
    expect(roomOf(about, 1)).toEqual([0, 0.125]);
  });
});
