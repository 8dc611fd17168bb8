/** Data sets and recorded scores of scikit-learn; see README.md. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Task } from '../../domain/task.js';

const Recorded = z.object({
  boosting: z.record(
    z.string(),
    z.object({
      task: Task,
      metric: z.enum(['accuracy', 'r2']),
      /** By repeat: the fold of each row, a digit each. */
      folds: z.array(z.string()),
      scores: z.array(z.array(z.number())),
    }),
  ),
  linear: z.object({
    logistic: z.object({ coefficients: z.array(z.number()), intercept: z.number(), errors: z.array(z.number()) }),
    multinomial: z.object({ coefficients: z.array(z.array(z.number())), probabilities: z.array(z.array(z.number())) }),
    ridge: z.object({ coefficients: z.array(z.number()), intercept: z.number(), errors: z.array(z.number()) }),
  }),
});

export const RECORDED = Recorded.parse(JSON.parse(readFileSync(new URL('./recorded.json', import.meta.url), 'utf8')));

export interface ReferenceData {
  readonly matrix: Float32Array;
  readonly labels: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

export function readData(name: string): ReferenceData {
  const lines = readFileSync(new URL(`./data/${name}.csv`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  const values = lines.map((line) => line.split(',').map(Number));
  const columns = (values[0]?.length ?? 1) - 1;
  return {
    matrix: Float32Array.from(values.flatMap((row) => row.slice(0, columns))),
    labels: Float32Array.from(values, (row) => row[columns] ?? Number.NaN),
    rows: values.length,
    columns,
  };
}

export function takeRows({ matrix, labels, columns }: ReferenceData, rows: readonly number[]): ReferenceData {
  return {
    matrix: Float32Array.from(rows.flatMap((row) => [...matrix.subarray(row * columns, (row + 1) * columns)])),
    labels: Float32Array.from(rows, (row) => labels[row] ?? Number.NaN),
    rows: rows.length,
    columns,
  };
}
