/** Sorts logged rows of one window by the version that answered them. */
import type { PredictionBucket } from '../../domain/prediction.js';

/** Aligned columns of the rows one version answered, and how many it failed to answer. */
export interface VersionRows {
  readonly version: number;
  /** Microseconds. */
  readonly eventTs: number[];
  /** From event to log, microseconds. */
  readonly lags: number[];
  readonly probabilities: number[];
  readonly decisions: number[];
  /** 1, 0, or NaN while the label is not known. */
  readonly outcomes: number[];
  readonly latenciesMs: number[];
  readonly inputs: Record<string, number[]>;
  readonly texts: Record<string, string[]>;
  failed: number;
}

export interface WindowRows {
  readonly buckets: readonly PredictionBucket[];
  readonly labels: ReadonlyMap<string, 0 | 1>;
  /** Half-open, event time in microseconds. */
  readonly windowStart: number;
  readonly windowEnd: number;
}

/**
 * Rows by version, most rows first (the lower number on a tie). Rows that no version could answer count as failures of
 * the version with most rows, which is where their traffic was meant to go; without any version they count nowhere.
 */
export function rowsByVersion(window: WindowRows): VersionRows[] {
  const versions = new Map<number, VersionRows>();
  let unanswered = 0;
  for (const bucket of window.buckets) {
    for (let row = 0; row < bucket.predictionIds.length; row += 1) {
      const eventTs = bucket.eventTs[row] ?? 0;
      if (eventTs < window.windowStart || eventTs >= window.windowEnd) continue;
      const version = bucket.version[row] ?? 0;
      if (version === 0) unanswered += 1;
      else addRow(rowsOf(versions, version), { bucket, row, labels: window.labels });
    }
  }
  const sorted = [...versions.values()].sort(
    (left, right) => trafficOf(right) - trafficOf(left) || left.version - right.version,
  );
  if (sorted[0] !== undefined) sorted[0].failed += unanswered;
  return sorted;
}

export function emptyRows(version: number): VersionRows {
  const columns = { eventTs: [], lags: [], probabilities: [], decisions: [], outcomes: [], latenciesMs: [] };
  return { version, ...columns, inputs: {}, texts: {}, failed: 0 };
}

/** Answered and failed rows together. */
export function trafficOf({ probabilities, failed }: VersionRows): number {
  return probabilities.length + failed;
}

function rowsOf(versions: Map<number, VersionRows>, version: number): VersionRows {
  const rows = versions.get(version) ?? emptyRows(version);
  versions.set(version, rows);
  return rows;
}

function addRow(
  rows: VersionRows,
  { bucket, row, labels }: { bucket: PredictionBucket; row: number; labels: ReadonlyMap<string, 0 | 1> },
): void {
  const probability = bucket.probability[row] ?? Number.NaN;
  if (bucket.error[row] === 1 || Number.isNaN(probability)) {
    rows.failed += 1;
    return;
  }
  const eventTs = bucket.eventTs[row] ?? 0;
  rows.eventTs.push(eventTs);
  rows.lags.push(bucket.loggedTs - eventTs);
  rows.probabilities.push(probability);
  rows.decisions.push(bucket.decision[row] ?? 0);
  rows.outcomes.push(labels.get(bucket.predictionIds[row] ?? '') ?? Number.NaN);
  rows.latenciesMs.push(bucket.latencyMs[row] ?? 0);
  for (const [name, values] of Object.entries(bucket.inputs))
    (rows.inputs[name] ??= []).push(values[row] ?? Number.NaN);
  for (const [name, values] of Object.entries(bucket.texts ?? {})) (rows.texts[name] ??= []).push(values[row] ?? '');
}
