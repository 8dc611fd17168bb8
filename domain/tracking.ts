/**
 * Experiments and runs with the semantics that users of MLflow rely on: parameters are written once, metrics only grow,
 * an identical point is kept once, tags may change. Bounds of texts are MLflow's.
 */
import { z } from 'zod';

/** Longest texts, in UTF-16 units. */
export const TRACKING_LIMITS = {
  experimentName: 500,
  runName: 500,
  key: 250,
  paramValue: 6_000,
  tagValue: 8_000,
  datasetText: 65_535,
  /** Of schema and of profile of a dataset, each. */
  datasetDocument: 1_048_575,
} as const;

/** Most items of one batch. */
export const BATCH_LIMITS = { metrics: 1_000, params: 100, tags: 100, datasets: 100 } as const;

export const RunStatus = z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED']);
export type RunStatus = z.infer<typeof RunStatus>;

/** A run of this status gets no more metrics by itself. */
export function isOver(status: RunStatus): boolean {
  return status === 'FINISHED' || status === 'FAILED' || status === 'KILLED';
}

export const LifecycleStage = z.enum(['active', 'deleted']);
export type LifecycleStage = z.infer<typeof LifecycleStage>;

/** Any text but the empty one and those with a zero character, which MongoDB and files refuse. */
export const TrackingKey = z
  .string()
  .min(1)
  .max(TRACKING_LIMITS.key)
  .refine((key) => !key.includes('\0'), 'a key has no zero character');

/** A number as JSON can carry it: those that are not finite travel as the words that proto3 JSON has for them. */
export const MetricValue = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]);
export type MetricValue = z.infer<typeof MetricValue>;

/** A number from its wire form. */
export function readMetricValue(value: MetricValue): number {
  return Number(value);
}

/** The wire form of a number. */
export function showMetricValue(value: number): MetricValue {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

/** One measured value. Not finite values are kept as they are; `timestampMs` is what the writer says. */
export interface Metric {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

/** A point of a run's history. Within a run `seq` counts from 1 in the order of arrival, without gaps. */
export interface MetricPoint extends Metric {
  readonly seq: number;
}

/** A metric on the wire. */
export const MetricEntry = z.strictObject({
  key: TrackingKey,
  value: MetricValue,
  step: z.number().int(),
  timestampMs: z.number().int(),
});
export type MetricEntry = z.infer<typeof MetricEntry>;

/** A parameter or a tag. A list of pairs and no record, since a key may be any text. */
export const KeyValue = z.strictObject({ key: TrackingKey, value: z.string() });
export type KeyValue = z.infer<typeof KeyValue>;

/** A dataset that a run read, as MLflow names one. `context` is what it was read for, such as `training`. */
export const DatasetInput = z.strictObject({
  name: z.string().min(1).max(TRACKING_LIMITS.experimentName),
  digest: z.string().min(1).max(TRACKING_LIMITS.key),
  sourceType: z.string().min(1).max(TRACKING_LIMITS.key),
  source: z.string().max(TRACKING_LIMITS.datasetText),
  schema: z.string().max(TRACKING_LIMITS.datasetDocument).nullable(),
  profile: z.string().max(TRACKING_LIMITS.datasetDocument).nullable(),
  tags: z.array(KeyValue).max(BATCH_LIMITS.tags),
});
export type DatasetInput = z.infer<typeof DatasetInput>;

/** Tag of a dataset input that says what it was read for. */
export const CONTEXT_TAG = 'mlflow.data.context';
/** Tag of a nested run with the id of the run it belongs to. */
export const PARENT_TAG = 'mlflow.parentRunId';
/** Tag that always equals the name of the run: whoever sets one changes the other. */
export const NAME_TAG = 'mlflow.runName';
/** Tags of runs that only the installation sets: what it says of the runs of its pipelines. */
export const PRODUCT_TAG_PREFIX = 'perennial.';

export const Experiment = z.strictObject({
  /** Decimal digits. `0` is the experiment of runs that name none. */
  experimentId: z.string(),
  name: z.string(),
  lifecycle: LifecycleStage,
  tags: z.array(KeyValue),
  createdTs: z.number().int(),
  updatedTs: z.number().int(),
});
export type Experiment = z.infer<typeof Experiment>;

/** The experiment of runs that name none. */
export const DEFAULT_EXPERIMENT = { experimentId: '0', name: 'Default' } as const;

/** Who may write metrics, parameters, inputs and the status of a run; see `run-writer.ts`. */
export const RunWriter = z.strictObject({
  owner: z.string(),
  /** Who asked for it over the API, and alone may use its epoch there. Null: the installation, for one of its pipelines. */
  actor: z.string().nullable(),
  /** Grows with every change of hands. */
  epoch: z.number().int().positive(),
  /** Without a sign of life until then the run counts as lost, microseconds. */
  untilTs: z.number().int(),
});
export type RunWriter = z.infer<typeof RunWriter>;

/** A run without its measured values. */
export const RunInfo = z.strictObject({
  /** 32 hexadecimal digits. */
  runId: z.string(),
  experimentId: z.string(),
  name: z.string(),
  userId: z.string(),
  status: RunStatus,
  /** Why it failed or was ended, where that is known. */
  cause: z.string().nullable(),
  lifecycle: LifecycleStage,
  artifactUri: z.string(),
  startTs: z.number().int(),
  endTs: z.number().int().nullable(),
  /** Null where anybody may write. */
  writer: RunWriter.nullable(),
  /** Number of the newest point of its history. */
  metricSeq: z.number().int().nonnegative(),
  /** Grows with every change. */
  rev: z.number().int().nonnegative(),
});
export type RunInfo = z.infer<typeof RunInfo>;

/** A run with the latest value of each metric. Lists are ordered by key. */
export interface Run extends RunInfo {
  readonly metrics: readonly Metric[];
  readonly params: readonly KeyValue[];
  readonly tags: readonly KeyValue[];
  readonly inputs: readonly DatasetInput[];
}

/** True where the first point is later by (step, timestamp, value); NaN is the least value. */
export function isLater(
  left: Pick<Metric, 'step' | 'timestampMs' | 'value'>,
  right: Pick<Metric, 'step' | 'timestampMs' | 'value'>,
): boolean {
  if (left.step !== right.step) return left.step > right.step;
  if (left.timestampMs !== right.timestampMs) return left.timestampMs > right.timestampMs;
  return Number.isNaN(right.value) ? !Number.isNaN(left.value) : left.value > right.value;
}

/** One text for one (key, step, timestamp, value): points of the same identity are the same point. */
export function pointIdentity({ key, step, timestampMs, value }: Metric): string {
  // Zero and minus zero are equal numbers, and print alike.
  return `${step} ${timestampMs} ${value} ${key}`;
}

const ADJECTIVES = 'amber bold calm dapper eager fleet gentle hardy keen lucid mellow noble placid quiet rustic sunny';
const NOUNS = 'aspen birch cedar daisy fern gorse hazel iris juniper larch maple olive poppy rowan sage willow';

/** A name for a run that was given none, made of its id. */
export function inventRunName(runId: string): string {
  const number = Number.parseInt(runId.slice(0, 8), 16);
  const pick = (words: string, at: number): string => words.split(' ')[at % 16] ?? '';
  return `${pick(ADJECTIVES, number)}-${pick(NOUNS, number >>> 4)}-${(number >>> 8) % 1_000}`;
}
