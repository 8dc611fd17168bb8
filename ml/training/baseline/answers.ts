/** What a baseline answers for rows that share an entry: the one formula of trained baselines and of those in evidence. */
import type { Task } from '../../../domain/task.js';
import { weightedMedian } from '../median.js';

/** Labels in order of time, and the entry that each row falls into. */
export interface EntryRows {
  readonly task: Task;
  /** Classes of a multiclass task, otherwise 1. */
  readonly outputs: number;
  readonly rows: number;
  /** 0 or 1, class index, or value. */
  readonly labels: ArrayLike<number>;
  /** Above 0; all rows count alike without them. */
  readonly weights?: Float32Array | undefined;
  readonly entryOf: ArrayLike<number>;
  readonly entries: number;
}

/**
 * Mean label of each entry (share of each class), row-major entries × outputs, drawn towards the overall mean by as much
 * as `priorRows` rows of mean weight would. An entry without rows has the overall mean.
 */
export function meanAnswers(rows: EntryRows, priorRows: number): Float32Array {
  const { outputs, entryOf, entries, weights } = rows;
  const sums = new Float64Array(entries * outputs);
  const totals = new Float64Array(entries);
  const overall = new Float64Array(outputs);
  let total = 0;
  for (let row = 0; row < rows.rows; row += 1) {
    const entry = entryOf[row] ?? 0;
    const weight = weights?.[row] ?? 1;
    totals[entry] = (totals[entry] ?? 0) + weight;
    total += weight;
    for (let output = 0; output < outputs; output += 1) {
      const outcome = weight * outcomeOf(rows, row, output);
      overall[output] = (overall[output] ?? 0) + outcome;
      sums[entry * outputs + output] = (sums[entry * outputs + output] ?? 0) + outcome;
    }
  }
  const prior = (priorRows * total) / rows.rows;
  return Float32Array.from(sums, (sum, at) => {
    const mean = (overall[at % outputs] ?? 0) / total;
    const own = totals[Math.floor(at / outputs)] ?? 0;
    return own + prior === 0 ? mean : (sum + prior * mean) / (own + prior);
  });
}

/** The last label of each entry; the last of all where an entry has none. */
export function lastAnswers(rows: EntryRows): Float32Array {
  const { outputs, entryOf, entries } = rows;
  const lastRows = new Int32Array(entries).fill(rows.rows - 1);
  for (let row = 0; row < rows.rows; row += 1) lastRows[entryOf[row] ?? 0] = row;
  return Float32Array.from({ length: entries * outputs }, (_unused, at) =>
    outcomeOf(rows, lastRows[Math.floor(at / outputs)] ?? 0, at % outputs),
  );
}

export function medianAnswer({ labels, weights }: Pick<EntryRows, 'labels' | 'weights'>): number {
  return weightedMedian(Float64Array.from(labels), weights);
}

/** What an answer is the mean of: the label, or 1 for the class of the row. */
function outcomeOf({ task, labels }: EntryRows, row: number, output: number): number {
  const label = labels[row] ?? 0;
  return task === 'multiclass' ? Number(label === output) : label;
}
