/** Losses and rankings of probabilities. Probabilities are float32 in [0, 1], labels 0 or 1, arrays aligned. */

/** Log loss of a probability of exactly 0 or 1 is bounded by clipping here, at the resolution of float32. */
const CLIP = 1e-7;

export function logLossOf(probability: number, label: number): number {
  return label === 1 ? negativeLog(probability) : negativeLog(1 - probability);
}

/** −log of the probability given to what happened, clipped. */
export function negativeLog(probability: number): number {
  return -Math.log(Math.min(1 - CLIP, Math.max(CLIP, probability)));
}

/**
 * Area under the ROC curve as the share of correctly ordered pairs, ties counting half (Mann and Whitney 1947). NaN when
 * a class is absent. `order` are row numbers ascending by probability; computed when left out.
 */
export function rocAuc(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  order: Uint32Array = ascendingOrder(probabilities),
): number {
  let negativesBelow = 0;
  let positives = 0;
  let ordered = 0;
  for (let start = 0; start < order.length;) {
    const tied = probabilities[order[start] as number];
    let tiedPositives = 0;
    let end = start;
    for (; end < order.length && probabilities[order[end] as number] === tied; end += 1)
      if (labels[order[end] as number] === 1) tiedPositives += 1;
    const tiedNegatives = end - start - tiedPositives;
    ordered += tiedPositives * (negativesBelow + tiedNegatives / 2);
    negativesBelow += tiedNegatives;
    positives += tiedPositives;
    start = end;
  }
  return positives === 0 || negativesBelow === 0 ? Number.NaN : ordered / (positives * negativesBelow);
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** Row numbers ascending by value, equal values by row number; NaN last. A radix sort over the bits of float32. */
export function ascendingOrder(values: Float32Array): Uint32Array {
  const keys = sortableBits(values);
  let from = Uint32Array.from(values.keys());
  let to = new Uint32Array(values.length);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    const starts = new Uint32Array(DIGITS + 1);
    for (const key of keys)
      starts[((key >>> shift) & (DIGITS - 1)) + 1] = (starts[((key >>> shift) & (DIGITS - 1)) + 1] as number) + 1;
    for (let digit = 0; digit < DIGITS; digit += 1)
      starts[digit + 1] = (starts[digit + 1] as number) + (starts[digit] as number);
    for (const row of from) {
      const digit = ((keys[row] as number) >>> shift) & (DIGITS - 1);
      const position = starts[digit] as number;
      to[position] = row;
      starts[digit] = position + 1;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Unsigned integers in the order of the values: the sign bit flipped, and all bits of negative numbers. −0 is 0. */
function sortableBits(values: Float32Array): Uint32Array {
  const plain = values.map((value) => (value === 0 ? 0 : value));
  return new Uint32Array(plain.buffer).map((bits, row) => {
    if (Number.isNaN(values[row])) return 0xffffffff;
    return bits >>> 31 === 1 ? ~bits : bits | 0x80000000;
  });
}
