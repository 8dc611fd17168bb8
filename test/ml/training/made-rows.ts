/** Rows made by a seed, of every task and with every trap that exactness must survive. */
import type { Task } from '../../../domain/task.js';
import { createUniform } from '../../../ml/random.js';

export interface MadeRows {
  readonly task: Task;
  readonly outputs: number;
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly categorical: readonly number[];
  readonly labels: Float32Array;
  readonly weights?: Float32Array;
}

export const CATEGORICAL = 1;
const COLUMNS = 4;

/**
 * Columns: a number with many digits, a code of 0 to 39 (−1 now and then), a number with few values, noise. A tenth is
 * missing. The label follows the first and the code.
 */
export function madeRows(about: {
  task: Task;
  rows: number;
  seed: number;
  outputs?: number;
  weighted?: boolean;
}): MadeRows {
  const { task, rows, seed, outputs = 1, weighted = false } = about;
  const uniform = createUniform(seed);
  const matrix = new Float32Array(rows * COLUMNS);
  const labels = new Float32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const number = uniform() * 2 - 1;
    const code = Math.floor(uniform() * 41) - 1;
    matrix.set([number, code, Math.floor(uniform() * 5), uniform()], row * COLUMNS);
    const score = 2 * number + (code % 3 === 0 ? 1 : -1) + uniform() - 0.5;
    labels[row] = labelOf(task, score, outputs);
    for (let column = 0; column < COLUMNS; column += 1)
      if (uniform() < 0.1) matrix[row * COLUMNS + column] = Number.NaN;
  }
  const weights = Float32Array.from({ length: rows }, () => 0.5 + uniform());
  return {
    task,
    outputs,
    matrix,
    rows,
    columns: COLUMNS,
    categorical: [CATEGORICAL],
    labels,
    ...(weighted && { weights }),
  };
}

function labelOf(task: Task, score: number, outputs: number): number {
  if (task === 'regression') return 100 + 10 * score;
  if (task === 'binary') return Number(score > 0);
  return Math.min(outputs - 1, Math.max(0, Math.floor(score + outputs / 2)));
}
