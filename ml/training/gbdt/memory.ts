/**
 * What training works on, in one block of shared memory: any thread can do any part of the work, and none copies a row.
 *
 * Rows are dealt out to shards in blocks. A shard keeps the row numbers of each open node in a segment of its own, and
 * sums histograms of its own; all sums are whole numbers ({@link gradientScale}), so that adding them up gives the same
 * trees for any number of shards and threads.
 */
import { DomainError } from '../../../domain/errors.js';
import { type FeatureBins, missingBinOf } from './binning.js';
import { allocateKernelMemory, type KernelMemory, MOST_BYTES } from './histogram-kernel.js';

export type Objective = 'binary' | 'multiclass' | 'squared' | 'absolute';

/** Rows that stay together: unit of dealing rows out, and of adding up losses. */
export const BLOCK_ROWS = 2_048;
/** A histogram slot while it is summed: two 64-bit integers, see `histogram-kernel.ts`. */
export const SLOT_BYTES = 16;
/** Integers of a node: feature (−1 at a leaf), left child, right child, then a bit for each bin, 1 where it goes left. */
export const NODE_INTS = 11;
export const NODE_BITS = 3;
/** Fields of a block: sum of losses, greatest absolute gradient. */
export const BLOCK_FIELDS = 2;
export const CONTROL_INTS = 16;

export interface BoosterLayout {
  readonly rows: number;
  readonly columns: number;
  /** Raw scores of a row. */
  readonly outputs: number;
  readonly shards: number;
  readonly maxNodes: number;
  /** Slots of all features. */
  readonly slots: number;
  readonly weighted: boolean;
  readonly objective: Objective;
  readonly seed: number;
  readonly rowSampling: number;
}

export interface BoosterMemory {
  readonly memory: KernelMemory;
  readonly layout: BoosterLayout;
}

export interface BoosterArrays {
  readonly layout: BoosterLayout;
  /** Bins of the values, row-major and column-major, see `binning.ts`. */
  readonly bins: Uint8Array;
  readonly columnBins: Uint8Array;
  readonly labels: Float32Array;
  /** Empty where all rows weigh the same. */
  readonly weights: Float32Array;
  /** Row-major rows × outputs. */
  readonly scores: Float64Array;
  /** By output and row: gradient and hessian as whole multiples of the units in `scales`. */
  readonly gradients: Int32Array;
  /** Row numbers, shard by shard; within a shard node by node. */
  readonly rowNumbers: Int32Array;
  readonly scratch: Int32Array;
  /** By shard and node: begin and end in `rowNumbers`. */
  readonly segments: Int32Array;
  readonly nodes: Int32Array;
  readonly leafValues: Float32Array;
  /** First slot of each feature. */
  readonly firstSlots: Int32Array;
  /** Features of the tree being grown, their number first. */
  readonly features: Int32Array;
  /** By shard: `slots` × 16 bytes. */
  readonly histograms: Int32Array;
  /** By shard: room for what the kernel is told about the features. */
  readonly kernelFeatures: Int32Array;
  readonly blocks: Float64Array;
  /** Multiplier of gradients and of hessians before rounding. */
  readonly scales: Float64Array;
  readonly control: Int32Array;
}

interface Part {
  readonly name: keyof Omit<BoosterArrays, 'layout'>;
  readonly type: {
    readonly BYTES_PER_ELEMENT: number;
    new (buffer: SharedArrayBuffer, byteOffset: number, length: number): object;
  };
  readonly length: number;
}

function partsOf(layout: BoosterLayout): Part[] {
  const { rows, columns, outputs, shards, maxNodes, slots } = layout;
  const blocks = Math.ceil(rows / BLOCK_ROWS);
  return [
    { name: 'scores', type: Float64Array, length: rows * outputs },
    { name: 'histograms', type: Int32Array, length: shards * slots * (SLOT_BYTES / 4) },
    { name: 'blocks', type: Float64Array, length: blocks * BLOCK_FIELDS },
    { name: 'scales', type: Float64Array, length: 2 },
    { name: 'labels', type: Float32Array, length: rows },
    { name: 'weights', type: Float32Array, length: layout.weighted ? rows : 0 },
    { name: 'leafValues', type: Float32Array, length: maxNodes },
    { name: 'gradients', type: Int32Array, length: outputs * rows * 2 },
    { name: 'rowNumbers', type: Int32Array, length: rows },
    { name: 'scratch', type: Int32Array, length: rows },
    { name: 'segments', type: Int32Array, length: shards * maxNodes * 2 },
    { name: 'nodes', type: Int32Array, length: maxNodes * NODE_INTS },
    { name: 'firstSlots', type: Int32Array, length: columns },
    { name: 'kernelFeatures', type: Int32Array, length: shards * columns * 2 },
    { name: 'features', type: Int32Array, length: columns + 1 },
    { name: 'control', type: Int32Array, length: CONTROL_INTS },
    { name: 'bins', type: Uint8Array, length: rows * columns },
    { name: 'columnBins', type: Uint8Array, length: rows * columns },
  ];
}

/**
 * Zeroed memory for a training; `firstSlots` are filled in. Throws `PRN_TRAINING_INVALID_PARAMETER` for more than 4 GB,
 * about 1.5 billion values with one output.
 */
export function allocateMemory(layout: BoosterLayout, features: readonly FeatureBins[]): BoosterMemory {
  const bytes = partsOf(layout).reduce(
    (sum, { type, length }) => sum + alignedBytes(type.BYTES_PER_ELEMENT * length),
    0,
  );
  if (bytes > MOST_BYTES)
    throw new DomainError('PRN_TRAINING_INVALID_PARAMETER', {
      parameter: 'rows × features',
      expected: 'small enough for 4 GB of bins and gradients',
      got: `${layout.rows} × ${layout.columns} (${Math.ceil(bytes / 2 ** 30)} GB)`,
    });
  const memory = { memory: allocateKernelMemory(bytes), layout };
  const { firstSlots } = viewMemory(memory);
  let slot = 0;
  for (const [column, feature] of features.entries()) {
    firstSlots[column] = slot;
    slot += missingBinOf(feature) + 1;
  }
  return memory;
}

/** Slots that the histogram of a node has. */
export function slotsOf(features: readonly FeatureBins[]): number {
  return features.reduce((sum, feature) => sum + missingBinOf(feature) + 1, 0);
}

/** The arrays of a memory; every thread makes its own views. */
export function viewMemory({ memory, layout }: BoosterMemory): BoosterArrays {
  let offset = 0;
  const arrays: Record<string, unknown> = { layout };
  for (const { name, type, length } of partsOf(layout)) {
    arrays[name] = new type(memory.buffer, offset, length);
    offset += alignedBytes(type.BYTES_PER_ELEMENT * length);
  }
  // The border between the list of parts and their names; both stand in this file.
  return arrays as unknown as BoosterArrays;
}

function alignedBytes(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Of a gradient in an Int32Array, the sign left out and one bit kept free for rounding. */
const GRADIENT_BITS = 30;
/** The bits of a whole number that doubles hold exactly. */
const EXACT_BITS = 53;
/** Of a 64-bit integer, the sign left out. */
const SLOT_BITS = 63;

function rowBits(rows: number): number {
  return Math.max(1, Math.ceil(Math.log2(rows + 1)));
}

/** The bit of a slot's second integer at which the count of rows begins; the sum of hessians lies below. */
export function countShift(rows: number): number {
  return SLOT_BITS - rowBits(rows);
}

/**
 * Multiplier that turns gradients up to `greatest` into whole numbers that fit an Int32 and whose sum over all rows is
 * exact in a double: then sums do not depend on the order of addition. A power of two, so that scaling rounds nothing.
 */
export function gradientScale(greatest: number, rows: number): number {
  return powerOfTwo(Math.min(GRADIENT_BITS, EXACT_BITS - rowBits(rows)), greatest);
}

/** The same for hessians, which share a 64-bit integer with the count of rows. */
export function hessianScale(greatest: number, rows: number): number {
  return powerOfTwo(Math.min(GRADIENT_BITS, EXACT_BITS - rowBits(rows), countShift(rows) - rowBits(rows)), greatest);
}

function powerOfTwo(bits: number, greatest: number): number {
  return 2 ** (bits - Math.ceil(Math.log2(Math.max(greatest, 1e-290))));
}
