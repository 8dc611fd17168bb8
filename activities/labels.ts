/** Labels of logged predictions, looked up a bounded number at a time. */
import type { Outcome, PredictionBucket } from '../domain/prediction.js';
import type { PredictionStore } from '../store/contracts/predictions.js';

/** Keeps one query far below the largest message MongoDB takes. */
const IDS_PER_QUERY = 20_000;

/** Labels known at `asOf` (microseconds) of all rows of the buckets, by prediction id. */
export async function labelsOf(
  predictions: PredictionStore,
  buckets: readonly PredictionBucket[],
  asOf: number,
): Promise<ReadonlyMap<string, Outcome>> {
  const ids = buckets.flatMap(({ predictionIds }) => predictionIds);
  const labels = new Map<string, Outcome>();
  for (let from = 0; from < ids.length; from += IDS_PER_QUERY) {
    for (const [id, label] of await predictions.groundTruth(ids.slice(from, from + IDS_PER_QUERY), asOf))
      labels.set(id, label);
  }
  return labels;
}
