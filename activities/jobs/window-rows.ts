/** Sorts logged rows of one window by the version that answered them. */
import { type Outcome, type PredictionBucket, scoresOfRow } from '../../domain/prediction.js';
import type { Task } from '../../domain/task.js';
import { rowLoss } from '../../ml/evaluation/row-loss.js';

/** Aligned columns of the rows one version answered, and how many it failed to answer. */
export interface VersionRows {
  readonly version: number;
  /** Microseconds. */
  readonly eventTs: number[];
  /** From event to log, microseconds. */
  readonly lags: number[];
  readonly task: Task;
  /** Probability of 1, probability of the class that was decided for, or the predicted value. */
  readonly predictions: number[];
  /** Names of the classes that were decided for; empty unless multiclass. */
  readonly decidedClasses: string[];
  readonly decisions: number[];
  /** 1 or 0; whether the decided class was right, 1 or 0; the value. NaN while the label is not known. */
  readonly outcomes: number[];
  /** Log loss, or squared error; NaN while the label is not known. */
  readonly losses: number[];
  readonly latenciesMs: number[];
  readonly inputs: Record<string, number[]>;
  readonly texts: Record<string, string[]>;
  failed: number;
}

export interface WindowRows {
  readonly buckets: readonly PredictionBucket[];
  readonly labels: ReadonlyMap<string, Outcome>;
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
      else addRow(rowsOf(versions, version, bucket.task), { bucket, row, labels: window.labels });
    }
  }
  const sorted = [...versions.values()].sort(
    (left, right) => trafficOf(right) - trafficOf(left) || left.version - right.version,
  );
  if (sorted[0] !== undefined) sorted[0].failed += unanswered;
  return sorted;
}

export function emptyRows(version: number, task: Task): VersionRows {
  const answers = { predictions: [], decidedClasses: [], decisions: [], outcomes: [], losses: [] };
  return { version, task, eventTs: [], lags: [], ...answers, latenciesMs: [], inputs: {}, texts: {}, failed: 0 };
}

/** Answered and failed rows together. */
export function trafficOf({ predictions, failed }: VersionRows): number {
  return predictions.length + failed;
}

function rowsOf(versions: Map<number, VersionRows>, version: number, task: Task): VersionRows {
  const rows = versions.get(version) ?? emptyRows(version, task);
  versions.set(version, rows);
  return rows;
}

function addRow(
  rows: VersionRows,
  { bucket, row, labels }: { bucket: PredictionBucket; row: number; labels: ReadonlyMap<string, Outcome> },
): void {
  const scores = scoresOfRow(bucket.scores, row, bucket);
  if (bucket.error[row] === 1 || scores === null) {
    rows.failed += 1;
    return;
  }
  const eventTs = bucket.eventTs[row] ?? 0;
  rows.eventTs.push(eventTs);
  rows.lags.push(bucket.loggedTs - eventTs);
  const decision = bucket.decision[row] ?? 0;
  const label = labels.get(bucket.predictionIds[row] ?? '');
  const decided = bucket.classes[decision];
  rows.predictions.push(scores[decided === undefined ? 0 : decision] ?? Number.NaN);
  rows.decisions.push(decision);
  if (decided !== undefined) rows.decidedClasses.push(decided);
  rows.outcomes.push(outcomeValue(label, decided));
  rows.losses.push(label === undefined ? Number.NaN : rowLoss(scores, label, bucket));
  rows.latenciesMs.push(bucket.latencyMs[row] ?? 0);
  for (const [name, values] of Object.entries(bucket.inputs))
    (rows.inputs[name] ??= []).push(values[row] ?? Number.NaN);
  for (const [name, values] of Object.entries(bucket.texts ?? {})) (rows.texts[name] ??= []).push(values[row] ?? '');
}

function outcomeValue(label: Outcome | undefined, decided: string | undefined): number {
  if (label === undefined) return Number.NaN;
  if (decided === undefined) return Number(label);
  return decided === label ? 1 : 0;
}
