/** What training leaves behind: one of a few forms, each of which can be scored here and exported to ONNX. */
import type { LinearModel } from './linear/linear-model.js';
import type { TableModel } from './baseline/table-model.js';
import type { TreeEnsemble } from './tree-ensemble.js';

export type TrainedForm =
  | { readonly kind: 'trees'; readonly ensemble: TreeEnsemble }
  | { readonly kind: 'linear'; readonly model: LinearModel }
  /** Baselines: the same answer for every row that has the same values in some columns, or in none. */
  | { readonly kind: 'table'; readonly model: TableModel };
