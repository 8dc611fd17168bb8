/** Bins: what histograms are counted in. Numbers fall between edges, so that a split reads `x <= edge`; categories have a bin each. */
import { frequentValues } from '../frequent-values.js';
import { columnOf, type Matrix } from '../matrix.js';

/** Bins of a byte; the last bin of a feature holds its missing values. */
const MAX_BIN = 255;
const GREATEST_FLOAT32 = 3.402_823_466_385_288_6e38;

export type FeatureBins =
  /** Bin b holds values up to and with `edges[b]`; the last one has no edge. */
  | { readonly kind: 'numeric'; readonly edges: Float32Array }
  /** Bin b holds code `codes[b]`; one more bin holds the codes that are not kept. */
  | { readonly kind: 'categorical'; readonly codes: Float32Array };

/** Bin of missing values of a feature: the one behind all others. */
export function missingBinOf(bins: FeatureBins): number {
  return bins.kind === 'numeric' ? bins.edges.length + 1 : bins.codes.length + 1;
}

/** Edges are taken from at most this many rows, evenly spread, so that they do not depend on chance. */
const EDGE_SAMPLE_ROWS = 50_000;

/** Finds the bins of all features. Infinite values fall into the outer bins. */
export function fitBins(input: Matrix, maxBins: number): FeatureBins[] {
  const categorical = new Set(input.categorical ?? []);
  return Array.from({ length: input.columns }, (_unused, column) =>
    categorical.has(column)
      ? { kind: 'categorical', codes: frequentValues(columnOf(input, column), Math.min(maxBins, MAX_BIN - 1)) }
      : { kind: 'numeric', edges: quantileEdges(sampleColumn(input, column), maxBins) },
  );
}

/** The bin of every value, a byte each, in both orders: a histogram reads all bins of a row, a split one bin of all rows. */
export interface BinTables {
  /** Row-major. Measured faster than column-major for histograms over few rows. */
  readonly bins: Uint8Array;
  /** Column-major. */
  readonly columnBins: Uint8Array;
}

/** Writes the bins of a matrix. */
export function fillBins({ matrix, rows, columns }: Matrix, features: readonly FeatureBins[], tables: BinTables): void {
  const { bins, columnBins } = tables;
  for (const [column, feature] of features.entries()) {
    const missing = missingBinOf(feature);
    const bounds = feature.kind === 'numeric' ? feature.edges : feature.codes;
    const exact = feature.kind === 'categorical';
    for (let row = 0; row < rows; row += 1) {
      const value = matrix[row * columns + column] as number;
      let bin = missing;
      if (!Number.isNaN(value)) {
        bin = firstNotBelow(bounds, value);
        if (exact && bounds[bin] !== value) bin = bounds.length;
      }
      bins[row * columns + column] = bin;
      columnBins[column * rows + row] = bin;
    }
  }
}

function sampleColumn({ matrix, rows, columns }: Matrix, column: number): Float32Array {
  const step = Math.max(1, rows / EDGE_SAMPLE_ROWS);
  const sample = new Float32Array(Math.min(rows, EDGE_SAMPLE_ROWS));
  let count = 0;
  for (let index = 0; index < sample.length; index += 1) {
    const value = matrix[Math.floor(index * step) * columns + column] ?? Number.NaN;
    if (!Number.isNaN(value)) {
      sample[count] = value;
      count += 1;
    }
  }
  return sample.subarray(0, count).sort();
}

/** Edges half way between distinct values where these are few, else between bins of equal mass. */
function quantileEdges(sorted: Float32Array, maxBins: number): Float32Array {
  const edges: number[] = [];
  let distinct = 1;
  for (let index = 1; index < sorted.length; index += 1) if (sorted[index] !== sorted[index - 1]) distinct += 1;
  let bin = 1;
  for (let index = 1; index < sorted.length; index += 1) {
    const [left = 0, right = 0] = [sorted[index - 1], sorted[index]];
    const wanted = Math.floor((bin * sorted.length) / maxBins);
    const isBorder = distinct <= maxBins || index >= wanted;
    if (left === right || !isBorder) continue;
    edges.push(edgeBetween(left, right));
    while (bin < maxBins && Math.floor((bin * sorted.length) / maxBins) <= index) bin += 1;
    if (distinct > maxBins && bin >= maxBins) break;
  }
  return Float32Array.from(edges);
}

/** A float32 that is at least `left` and below `right`, near the middle: what lies between is shared out evenly. */
function edgeBetween(left: number, right: number): number {
  const middle = Math.fround(left / 2 + right / 2);
  if (middle >= left && middle < right && Number.isFinite(middle)) return middle;
  return left === Number.NEGATIVE_INFINITY && right > -GREATEST_FLOAT32 ? -GREATEST_FLOAT32 : left;
}

/** Index of the first bound that is not below the value, or their number. */
function firstNotBelow(bounds: Float32Array, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (bounds[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
