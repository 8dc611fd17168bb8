/** What came of what, assembled from what other stores keep; nothing is stored for it. */
import type { LineageDirection, LineageGraph, LineageNode } from '../../domain/lineage.js';

export interface LineageStore {
  /** Null where no such thing is known. */
  lineage(start: LineageNode, direction: LineageDirection): Promise<LineageGraph | null>;
}
