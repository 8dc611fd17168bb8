/** Quantile bins: what histograms are counted in. Edges are values of the data, so that a split reads `x <= edge`. */

/** The bin of missing values, whatever the number of others. */
export const MISSING_BIN = 255;

export interface BinnedMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Row-major, one byte a value. Measured faster than column-major for histograms over few rows. */
  readonly bins: Uint8Array;
  /** Upper edge of each bin but the last, per feature, ascending. */
  readonly edges: readonly Float32Array[];
}

/** Edges are taken from at most this many rows, evenly spread, so that they do not depend on chance. */
const EDGE_SAMPLE_ROWS = 50_000;

/** Bins a row-major matrix (NaN is missing). Infinite values fall into the outer bins. */
export function binMatrix(input: {
  matrix: Float32Array;
  rows: number;
  columns: number;
  maxBins: number;
}): BinnedMatrix {
  const { matrix, rows, columns, maxBins } = input;
  const edges = Array.from({ length: columns }, (_unused, column) =>
    quantileEdges(sampleColumn(input, column), maxBins),
  );
  const bins = new Uint8Array(rows * columns);
  for (let column = 0; column < columns; column += 1) {
    const columnEdges = edges[column] ?? new Float32Array();
    for (let index = column; index < bins.length; index += columns)
      bins[index] = binOf(matrix[index] ?? Number.NaN, columnEdges);
  }
  return { rows, columns, bins, edges };
}

function sampleColumn(
  { matrix, rows, columns }: { matrix: Float32Array; rows: number; columns: number },
  column: number,
): Float32Array {
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

/** One bin a distinct value where there are few, else bins of equal mass. */
function quantileEdges(sorted: Float32Array, maxBins: number): Float32Array {
  const distinct = sorted.filter((value, index) => index === 0 || value !== sorted[index - 1]);
  if (distinct.length <= maxBins) return distinct.subarray(0, Math.max(0, distinct.length - 1));
  const edges: number[] = [];
  for (let bin = 1; bin < maxBins; bin += 1) {
    const value = sorted[Math.floor((bin * sorted.length) / maxBins) - 1] ?? 0;
    if (edges.length === 0 || value > (edges.at(-1) ?? 0)) edges.push(value);
  }
  if (edges.at(-1) === distinct.at(-1)) edges.pop();
  return Float32Array.from(edges);
}

/** Index of the first edge that is not below the value; the last bin has none. */
function binOf(value: number, edges: Float32Array): number {
  if (Number.isNaN(value)) return MISSING_BIN;
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (edges[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
    else low = middle + 1;
  }
  return low;
}
