/** Parameters of gradient boosting, with the names and defaults that users of such trainers know. */
import { z } from 'zod';

export const GbdtParameters = z.strictObject({
  trees: z.number().int().min(1).max(2_000).default(150),
  /** Levels below the root. */
  depth: z.number().int().min(1).max(12).default(6),
  /** Leaves of a tree; grown best first, as long as `depth` allows. */
  maxLeaves: z.number().int().min(2).max(1_024).default(31),
  learningRate: z.number().gt(0).max(1).default(0.1),
  /** Ridge penalty on leaf values. */
  l2: z.number().min(0).default(1),
  minLeafRows: z.number().int().min(1).default(20),
  /** Smallest sum of hessians in a leaf. */
  minChildWeight: z.number().min(0).default(1e-3),
  minGain: z.number().min(0).default(0),
  /** Share of rows each tree sees. */
  rowSampling: z.number().gt(0).max(1).default(1),
  /** Share of features each tree sees. */
  columnSampling: z.number().gt(0).max(1).default(1),
  /** Bins per feature, the one for missing values not counted. */
  bins: z.number().int().min(2).max(255).default(255),
});
export type GbdtParameters = z.infer<typeof GbdtParameters>;
