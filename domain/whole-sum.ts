/** Exact sums of whole numbers that doubles hold: the same in any order. */

const HALF = 2 ** 32;
/** So many halves below 2^32 add up in a double without rounding. */
const ROWS_UNTIL_CARRY = 2 ** 20;
/** Upper halves beyond this go straight to BigInt, which is a hundred times slower. */
const GREATEST_UPPER = 2 ** 32;

/** Adds in two halves of 32 bits each, and carries them into a number of any length from time to time. */
export class WholeSum {
  #total = 0n;
  #upper = 0;
  #lower = 0;
  #rows = 0;

  /** Throws RangeError for what is no whole number. */
  add(whole: number): void {
    const upper = Math.floor(whole / HALF);
    if (upper > GREATEST_UPPER || upper < -GREATEST_UPPER || Number.isNaN(upper)) {
      this.#total += BigInt(whole);
      return;
    }
    this.#upper += upper;
    this.#lower += whole - upper * HALF;
    this.#rows += 1;
    if (this.#rows === ROWS_UNTIL_CARRY) this.#carry();
  }

  total(): bigint {
    this.#carry();
    return this.#total;
  }

  #carry(): void {
    this.#total += BigInt(this.#upper) * BigInt(HALF) + BigInt(this.#lower);
    [this.#upper, this.#lower, this.#rows] = [0, 0, 0];
  }
}
