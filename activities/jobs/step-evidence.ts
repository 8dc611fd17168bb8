/** The numbers a rollout step is judged by, gathered from the prediction log. */
import { type Outcome, type PredictionBucket, scoresOfRow } from '../../domain/prediction.js';
import type { StepEvidence } from '../../domain/rollout.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { rowLoss } from '../../ml/evaluation/row-loss.js';

/** With fewer days than this, the spread between days says nothing. */
const MIN_DAYS_FOR_BLOCKS = 3;

export interface StepRows {
  readonly rolloutId: string;
  readonly step: number;
  /** Only rows logged under this route revision count. */
  readonly rev: number;
  readonly version: number;
  /** The champion it is compared with; null at the first rollout of a model. */
  readonly fromVersion: number | null;
  readonly clock: 'wall' | 'event';
  /** Start and now, on the endpoint's clock, microseconds. */
  readonly startedAt: number;
  readonly now: number;
  readonly buckets: readonly PredictionBucket[];
  readonly labels: ReadonlyMap<string, Outcome>;
}

interface PairedRow {
  readonly day: number;
  readonly harm: number;
}

/**
 * Evidence of one step. A row belongs to it when its bucket has the step's route revision and it happened (event clock)
 * or was logged (wall clock) at or after the start. `rows` are those the new version was asked about, live or in
 * shadow: answered ones and live failures, so that a version which fails always has an error rate. Failures that were
 * logged without a version count against it too: when in doubt, a rollout stops.
 */
export function gatherStepEvidence(input: StepRows): StepEvidence {
  const { version, fromVersion } = input;
  const latencies: number[] = [];
  const paired: PairedRow[] = [];
  let rows = 0;
  let failedRows = 0;
  for (const bucket of input.buckets) {
    if (bucket.routeRev !== input.rev || (input.clock === 'wall' && bucket.loggedTs < input.startedAt)) continue;
    for (const [row, predictionId] of bucket.predictionIds.entries()) {
      const eventTs = bucket.eventTs[row] ?? 0;
      if (input.clock === 'event' && (eventTs < input.startedAt || eventTs >= input.now)) continue;
      const served = bucket.version[row] ?? 0;
      if (served === version || served === 0) {
        if (bucket.error[row] === 1) {
          rows += 1;
          failedRows += 1;
          continue;
        }
        latencies.push(bucket.latencyMs[row] ?? 0);
      }
      const scores = scoresOf(bucket, row, version);
      if (scores === null) continue;
      rows += 1;
      const champion = fromVersion === null ? null : scoresOf(bucket, row, fromVersion);
      const label = input.labels.get(predictionId);
      if (champion === null || label === undefined) continue;
      const harm = rowLoss(scores, label, bucket) - rowLoss(champion, label, bucket);
      paired.push({ day: Math.floor(eventTs / MICROS_PER_DAY), harm });
    }
  }
  return {
    rolloutId: input.rolloutId,
    step: input.step,
    rev: input.rev,
    from: input.startedAt,
    watermark: input.now,
    rows,
    failedRows,
    latencyP99Ms: percentile(latencies, 0.99),
    paired: paired.length === 0 ? null : summarisePairs(paired),
  };
}

/** The scores a version gave a row, live or in shadow; null where it did not score it. */
function scoresOf(bucket: PredictionBucket, row: number, version: number): Float32Array | null {
  const source = bucket.version[row] === version ? bucket.scores : bucket.shadow[String(version)];
  return scoresOfRow(source, row, bucket);
}

/**
 * Mean harm and its standard error. Rows of one day share weather and traffic, so from three days on the larger of two
 * errors is taken: the one over independent rows, and the cluster-robust one with days as clusters,
 * `sqrt(D/(D−1) · Σ_d (Σ_{i∈d} (h_i − h̄))²) / n`. Under three days only the first can be computed.
 */
function summarisePairs(paired: readonly PairedRow[]): NonNullable<StepEvidence['paired']> {
  const count = paired.length;
  const mean = paired.reduce((sum, { harm }) => sum + harm, 0) / count;
  const sumsByDay = new Map<number, number>();
  let squares = 0;
  for (const { day, harm } of paired) {
    squares += (harm - mean) ** 2;
    sumsByDay.set(day, (sumsByDay.get(day) ?? 0) + harm - mean);
  }
  const rowError = count < 2 ? 0 : Math.sqrt(squares / (count - 1) / count);
  const days = sumsByDay.size;
  if (days < MIN_DAYS_FOR_BLOCKS) return { rows: count, meanHarm: mean, standardError: rowError };
  const betweenDays = [...sumsByDay.values()].reduce((sum, daySum) => sum + daySum ** 2, 0);
  const blockError = Math.sqrt((days / (days - 1)) * betweenDays) / count;
  return { rows: count, meanHarm: mean, standardError: Math.max(rowError, blockError) };
}

/** Nearest-rank percentile, `share` in (0, 1]; null without values. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
