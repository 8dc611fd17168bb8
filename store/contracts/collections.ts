/** Reading collections of MongoDB that are not ours, in the order of a field that only grows. */
import type { CollectionSource } from '../../domain/dataset-source.js';

export interface CollectionRow {
  /** The document as one line of JSON: times as ISO 8601, ids as text, 64-bit integers exact. */
  readonly json: string;
  /** Its value of the growing field; given back as `after`, reading goes on behind it. */
  readonly highWater: string;
}

export interface CollectionReader {
  /**
   * Documents behind a value, in order, without a bound on their number. Throws `PRN_DATASET_SOURCE_UNAVAILABLE`, and
   * `PRN_DATASET_SOURCE_FORBIDDEN` for the installation's own database.
   */
  read(source: CollectionSource, after: string | null, signal: AbortSignal): AsyncIterable<CollectionRow>;
}
