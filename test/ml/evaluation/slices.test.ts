import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../../ml/evaluation/resampling.js';
import { searchSlices } from '../../../ml/evaluation/slice-search.js';
import { levelsOfNumbers, levelsOfTexts, rowsByLevel } from '../../../ml/evaluation/slices.js';
import { createUniform } from '../../../ml/random.js';

describe('levels of a column', () => {
  it('are its texts by frequency, missing ones among them', () => {
    const levels = levelsOfTexts('carrier', ['B', 'A', 'B', '', 'B', '']);
    expect(levels.names).toEqual(['B', 'missing', 'A']);
    expect([...levels.levelOf]).toEqual([0, 2, 0, 1, 0, 1]);
    expect(rowsByLevel(levels).map((rows) => [...rows])).toEqual([[0, 2, 4], [3, 5], [1]]);
  });

  it('gather what is rare', () => {
    const levels = levelsOfTexts(
      'key',
      Array.from({ length: 200 }, (_unused, row) => `k${row % 80}`),
    );
    expect(levels.names).toHaveLength(51);
    expect(levels.names.at(-1)).toBe('others');
  });

  it('are whole values where there are few, and bins of equal numbers of rows otherwise', () => {
    expect(levelsOfNumbers('hour', Float32Array.of(3, 1, 3, Number.NaN)).names).toEqual(['1', '3', 'missing']);
    const many = levelsOfNumbers(
      'x',
      Float32Array.from({ length: 100 }, (_unused, row) => row),
    );
    expect(many.names).toEqual([
      '0 to below 19.8',
      '19.8 to below 39.6',
      '39.6 to below 59.4',
      '59.4 to below 79.2',
      '79.2 or more',
    ]);
    expect(rowsByLevel(many).map(({ length }) => length)).toEqual([20, 20, 20, 20, 20]);
  });
});

describe('the search for the worst slice', () => {
  const rows = 6_000;
  const uniform = createUniform(4);
  const days = Array.from({ length: rows }, (_unused, row) => Math.floor(row / 200));
  const texts = (prefix: string, count: number) =>
    levelsOfTexts(
      prefix,
      Array.from({ length: rows }, () => `${prefix}${Math.floor(uniform() * count)}`),
    );
  const columns = [texts('a', 6), texts('b', 5), texts('c', 4), texts('d', 8)];
  const noise = () => Float64Array.from({ length: rows }, () => uniform() - 0.5);
  const search = (residuals: Float64Array) =>
    searchSlices({ columns, residuals, unit: blocksOf(days), resamples: 400, seed: 1 });

  it('finds nothing to speak of where there is nothing, though it looks at hundreds', () => {
    const found = search(noise());
    expect(found.searched).toBeGreaterThan(150);
    expect(found.worst[0]?.adjustedP).toBeGreaterThan(0.05);
  });

  it('holds the family-wise error: few of many searches in noise find something', () => {
    const alarms = Array.from({ length: 20 }, () => search(noise())).filter(
      ({ worst }) => (worst[0]?.adjustedP ?? 1) <= 0.05,
    );
    // With 5 % each, five or more of twenty would come once in 400 times.
    expect(alarms.length).toBeLessThan(5);
  });

  it('names the pair of values where predictions are off', () => {
    const [first, second] = columns;
    const bad = { a: first?.names.indexOf('a2'), b: second?.names.indexOf('b1') };
    const residuals = noise().map((value, row) =>
      first?.levelOf[row] === bad.a && second?.levelOf[row] === bad.b ? value + 0.2 : value,
    );
    const [worst] = search(residuals).worst;
    expect(worst?.where).toEqual([
      { column: 'a', value: 'a2' },
      { column: 'b', value: 'b1' },
    ]);
    expect(worst?.adjustedP).toBeLessThan(0.01);
    expect(Math.abs((worst?.gap ?? 0) - 0.2)).toBeLessThan(0.08);
  });

  it('says nothing by fewer than ten days', () => {
    const unit = blocksOf(days.map((day) => day % 9));
    expect(searchSlices({ columns, residuals: noise(), unit, resamples: 200, seed: 1 })).toMatchObject({
      state: 'no_evidence',
      worst: [],
    });
  });
});
