import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WholeSum } from '../../domain/whole-sum.js';

function sumOf(numbers: readonly number[]): bigint {
  const sum = new WholeSum();
  for (const each of numbers) sum.add(each);
  return sum.total();
}

describe('sums of whole numbers', () => {
  it('are those of BigInt, for numbers of any size and sign', () => {
    const wholes = fc.oneof(
      fc.maxSafeInteger(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(Math.floor),
    );
    fc.assert(
      fc.property(fc.array(wholes), (numbers) => {
        expect(sumOf(numbers)).toBe(numbers.reduce((total, each) => total + BigInt(each), 0n));
      }),
    );
  });

  it('carry before halves could round', () => {
    // 2^21 + 1 numbers, twice as many as are added between two carries, each with both halves as large as they can be.
    const greatest = 2 ** 53 - 1;
    const rows = 2 ** 21 + 1;
    const sum = new WholeSum();
    for (let row = 0; row < rows; row += 1) sum.add(greatest);
    expect(sum.total()).toBe(BigInt(greatest) * BigInt(rows));
  });

  it('go on after they were read, and refuse what is no whole number', () => {
    const sum = new WholeSum();
    sum.add(2 ** 40);
    expect(sum.total()).toBe(2n ** 40n);
    sum.add(-1);
    expect(sum.total()).toBe(2n ** 40n - 1n);
    expect(() => sum.add(Number.POSITIVE_INFINITY)).toThrow(RangeError);
    expect(() => sum.add(Number.NaN)).toThrow(RangeError);
  });
});
