/** Runs side by side: what each has, and where they differ. */
import { z } from 'zod';
import { type KeyValue, MetricValue, type Run, RunInfo, showMetricValue } from './tracking.js';

/** Values in the order of the runs; null where a run has none. */
function comparedOf<T extends z.ZodType>(value: T) {
  return z.array(z.strictObject({ key: z.string(), values: z.array(value.nullable()), differs: z.boolean() }));
}

export const RunComparison = z.strictObject({
  runs: z.array(RunInfo),
  params: comparedOf(z.string()),
  /** Latest values. */
  metrics: comparedOf(MetricValue),
  tags: comparedOf(z.string()),
  /** By name; values are digests. */
  datasets: comparedOf(z.string()),
});
export type RunComparison = z.infer<typeof RunComparison>;

/** Compares runs in the given order. */
export function compareRuns(runs: readonly Run[]): RunComparison {
  return {
    runs: runs.map(runInfo),
    params: compare(runs.map(({ params }) => asMap(params))),
    metrics: compare(
      runs.map(({ metrics }) => new Map(metrics.map(({ key, value }) => [key, showMetricValue(value)]))),
    ),
    tags: compare(runs.map(({ tags }) => asMap(tags))),
    datasets: compare(runs.map(({ inputs }) => new Map(inputs.map(({ name, digest }) => [name, digest])))),
  };
}

/** A run without what was logged to it. */
function runInfo({ metrics: _metrics, params: _params, tags: _tags, inputs: _inputs, ...info }: Run): RunInfo {
  return info;
}

function asMap(pairs: readonly KeyValue[]): Map<string, string> {
  return new Map(pairs.map(({ key, value }) => [key, value]));
}

function compare<T extends string | number>(
  columns: readonly ReadonlyMap<string, T>[],
): { key: string; values: (T | null)[]; differs: boolean }[] {
  const keys = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort();
  return keys.map((key) => {
    const values = columns.map((column) => column.get(key) ?? null);
    return { key, values, differs: new Set(values).size > 1 };
  });
}
