/** Sums of gradients, hessians and rows per feature and bin of one node. */
import { type BinnedMatrix, MISSING_BIN } from './binning.js';

/** Bins per feature in a histogram, the one for missing values included. */
export const BINS_PER_FEATURE = MISSING_BIN + 1;
const FIELDS = 3;

/** `[feature][bin] → gradient, hessian, rows`, flat. */
export type NodeHistogram = Float64Array;

export function newHistogram(columns: number): NodeHistogram {
  return new Float64Array(columns * BINS_PER_FEATURE * FIELDS);
}

export function slotOf(feature: number, bin: number): number {
  return (feature * BINS_PER_FEATURE + bin) * FIELDS;
}

/** Adds the given rows to an empty histogram. */
export function fillHistogram(
  histogram: NodeHistogram,
  data: { readonly binned: BinnedMatrix; readonly gradients: Float64Array; readonly hessians: Float64Array },
  rows: Int32Array,
): void {
  const { bins, columns } = data.binned;
  const { gradients, hessians } = data;
  const featureStride = BINS_PER_FEATURE * FIELDS;
  for (let position = 0; position < rows.length; position += 1) {
    const row = rows[position] as number;
    const gradient = gradients[row] as number;
    const hessian = hessians[row] as number;
    let cell = row * columns;
    for (let base = 0; base < histogram.length; base += featureStride) {
      const slot = base + (bins[cell] as number) * FIELDS;
      histogram[slot] = (histogram[slot] as number) + gradient;
      histogram[slot + 1] = (histogram[slot + 1] as number) + hessian;
      histogram[slot + 2] = (histogram[slot + 2] as number) + 1;
      cell += 1;
    }
  }
}

/** The sibling's histogram without reading its rows: parent minus child. */
export function subtractHistogram(parent: NodeHistogram, child: NodeHistogram): NodeHistogram {
  const sibling = new Float64Array(parent.length);
  for (let slot = 0; slot < parent.length; slot += 1)
    sibling[slot] = (parent[slot] as number) - (child[slot] as number);
  return sibling;
}
