/** Sums of gradients, hessians and rows per feature and bin of one node. Whole numbers, so every sum is exact. */
import { type BoosterArrays, countShift, SLOT_BYTES } from './memory.js';
import type { FillKernel } from './histogram-kernel.js';

/** Fields of a slot once read: gradient, hessian, rows. */
export const SLOT_FIELDS = 3;
/** `[slot] → gradient, hessian, rows`, flat; a feature's slots follow each other. */
export type NodeHistogram = Float64Array;

/** Sums the rows `rowNumbers[begin … end)` into the shard's histogram, which is emptied before. */
export function fillHistogram(
  arrays: BoosterArrays & { readonly fill: FillKernel },
  shard: number,
  { begin, end, output }: { readonly begin: number; readonly end: number; readonly output: number },
): void {
  const { bins, rowNumbers, gradients, features, firstSlots, histograms, kernelFeatures, layout, fill } = arrays;
  const { columns, rows, slots } = layout;
  const ints = slots * (SLOT_BYTES / 4);
  const histogram = histograms.subarray(shard * ints, (shard + 1) * ints).fill(0);
  const count = features[0] as number;
  const pairs = kernelFeatures.subarray(shard * 2 * columns, shard * 2 * columns + 2 * count);
  for (let index = 0; index < count; index += 1) {
    const feature = features[index + 1] as number;
    pairs[2 * index] = feature;
    pairs[2 * index + 1] = histogram.byteOffset + (firstSlots[feature] as number) * SLOT_BYTES;
  }
  fill(
    rowNumbers.byteOffset + 4 * begin,
    rowNumbers.byteOffset + 4 * end,
    bins.byteOffset,
    columns,
    gradients.byteOffset + 8 * output * rows,
    pairs.byteOffset,
    pairs.byteOffset + pairs.byteLength,
    1n << BigInt(countShift(rows)),
  );
}

/** Reads the histograms of all shards and adds them up into `target`. */
export function mergeHistograms(target: NodeHistogram, { histograms, layout }: BoosterArrays): void {
  const { shards, slots, rows } = layout;
  const ints = slots * (SLOT_BYTES / 4);
  // The count lies above the hessian in the upper half of the second integer.
  const shift = countShift(rows) - 32;
  const mask = 2 ** shift - 1;
  for (let shard = 0; shard < shards; shard += 1) {
    let from = shard * ints;
    for (let field = 0; field < target.length; field += SLOT_FIELDS, from += SLOT_BYTES / 4) {
      const upper = histograms[from + 3] as number;
      const gradient = (histograms[from + 1] as number) * TWO_32 + ((histograms[from] as number) >>> 0);
      const hessian = (upper & mask) * TWO_32 + ((histograms[from + 2] as number) >>> 0);
      const count = upper >>> shift;
      if (shard === 0) {
        target[field] = gradient;
        target[field + 1] = hessian;
        target[field + 2] = count;
      } else {
        target[field] = (target[field] as number) + gradient;
        target[field + 1] = (target[field + 1] as number) + hessian;
        target[field + 2] = (target[field + 2] as number) + count;
      }
    }
  }
}

const TWO_32 = 2 ** 32;

/** Turns the parent's histogram into that of the other child, without reading its rows. */
export function subtractHistogram(parent: NodeHistogram, child: NodeHistogram): void {
  for (let field = 0; field < parent.length; field += 1)
    parent[field] = (parent[field] as number) - (child[field] as number);
}
