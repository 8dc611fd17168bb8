/** The rows of a request once it is known which version answers each of them. */
import type { TaskShape } from '../domain/task.js';
import type { ViewRows } from '../scoring/feature-lookup.js';
import type { InferRequest } from './infer-request.js';
import type { LiveEndpoint } from './live-endpoints.js';

export interface RoutedRows {
  readonly live: LiveEndpoint;
  readonly request: InferRequest;
  readonly views: ReadonlyMap<string, ViewRows>;
  /** Microseconds, by row. */
  readonly eventTs: Float64Array;
  /** Version that answers, by row. */
  readonly version: Int32Array;
  readonly predictionIds: readonly string[];
  /** In which all versions answer together. */
  readonly shape: TaskShape;
  /** Wall time at which the views were read, microseconds. */
  readonly readTs: number;
}
