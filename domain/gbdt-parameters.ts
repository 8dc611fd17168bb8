/** Parameters of gradient boosting, with the names and defaults that users of such trainers know. */
import { z } from 'zod';

export const GbdtParameters = z.strictObject({
  /** Iterations. A multiclass model grows one tree for each class in each of them. */
  trees: z.number().int().min(1).max(2_000).default(150),
  /** Levels below the root. */
  depth: z.number().int().min(1).max(64).default(6),
  /** Leaves of a tree; grown best first, as long as `depth` allows. */
  maxLeaves: z.number().int().min(2).max(1_024).default(31),
  learningRate: z.number().gt(0).max(1).default(0.1),
  /** What a regression minimises: squared or absolute errors. Has no meaning for classes, which minimise log loss. */
  loss: z.enum(['squared', 'absolute']).default('squared'),
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
  /** Bins per feature, the one for missing values not counted. A categorical feature has at most 254 categories. */
  bins: z.number().int().min(2).max(255).default(255),
  /** Ends training after so many iterations without a better loss on the inner validation part; 0 never ends early. */
  earlyStopping: z.number().int().min(0).max(1_000).default(0),
  /** Share of the training rows, the last ones, that early stopping validates on when the caller names no rows. */
  validationShare: z.number().gt(0).lt(1).default(0.1),
});
export type GbdtParameters = z.infer<typeof GbdtParameters>;
