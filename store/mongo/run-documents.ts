/** Runs as documents. Keys become field names, so that one index over all fields carries conditions on any of them. */
import type { Document } from 'mongodb';
import {
  CONTEXT_TAG,
  DatasetInput,
  inventRunName,
  type KeyValue,
  type Metric,
  NAME_TAG,
  type Run,
  RunInfo,
  RunWriter,
} from '../../domain/tracking.js';
import type { TagChange } from '../contracts/experiments.js';
import type { NewRun } from '../contracts/runs.js';
import { int64, type StoredDocument } from './database.js';

/** Where the latest point of a key stands; `count` points of it are in the history. */
export interface LatestPoint {
  readonly step: number;
  readonly timestampMs: number;
  readonly count: number;
}

/** A key as field name: no dots, no leading dollar sign, never a number. */
export function fieldOf(key: string): string {
  return `_${key.replaceAll('%', '%25').replaceAll('.', '%2E')}`;
}

export function keyOf(field: string): string {
  return field.slice(1).replaceAll('%2E', '.').replaceAll('%25', '%');
}

/** The document of a run that begins. */
export function newRunDocument(run: NewRun): StoredDocument {
  const { runId, experimentId, userId, status, startTs } = run;
  const name = run.name ?? run.tags.find(({ key }) => key === NAME_TAG)?.value ?? inventRunName(runId);
  const tags = [...run.tags, { key: NAME_TAG, value: name }];
  return {
    _id: runId,
    experimentId,
    name,
    userId,
    status,
    cause: null,
    lifecycle: 'active',
    artifactUri: `mlflow-artifacts:/${experimentId}/${runId}/artifacts`,
    startTs: int64(startTs),
    endTs: null,
    writer: null,
    epoch: 0,
    metricSeq: 0,
    rev: 0,
    metrics: {},
    latest: {},
    params: {},
    tags: Object.fromEntries(tags.map(({ key, value }) => [fieldOf(key), value])),
    inputs: [],
  };
}

/** A run of its document; `datasets` are those that its inputs name. */
export function readRun(document: StoredDocument, datasets: ReadonlyMap<string, Document>): Run {
  return {
    ...readRunInfo(document),
    metrics: readMetrics(document),
    params: readPairs(document['params']),
    tags: readPairs(document['tags']),
    inputs: (document['inputs'] as Document[]).map(({ datasetId, tags }) =>
      DatasetInput.parse({ ...datasets.get(String(datasetId)), tags }),
    ),
  };
}

export function readRunInfo(document: StoredDocument): RunInfo {
  const { _id: runId, startTs, endTs, experimentId, name, userId, status, cause, lifecycle } = document;
  const { artifactUri, metricSeq, rev } = document;
  const facts = { experimentId, name, userId, status, cause, lifecycle, artifactUri, metricSeq, rev };
  const writer = document['writer'] as Document | null;
  return RunInfo.parse({
    ...facts,
    runId,
    startTs: Number(startTs),
    endTs: endTs === null ? null : Number(endTs),
    writer: writer === null ? null : readWriter(writer),
  });
}

/** A holder, without how long each of his signs of life counts. */
export function readWriter({ owner, actor = null, epoch, untilTs }: Document): RunWriter {
  return RunWriter.parse({ owner, actor: actor as unknown, epoch, untilTs: Number(untilTs) });
}

export function latestOf(document: Document, key: string): LatestPoint | undefined {
  const { latest } = document as { latest: Readonly<Record<string, LatestPoint>> };
  return latest[fieldOf(key)];
}

/** The latest point of each metric, by key. */
export function readMetrics(document: Document): Metric[] {
  const { metrics } = document as { metrics: Readonly<Record<string, number>> };
  return inKeyOrder(
    Object.entries(metrics).map(([field, value]) => {
      const key = keyOf(field);
      const { step = 0, timestampMs = 0 } = latestOf(document, key) ?? {};
      return { key, value, step, timestampMs: Number(timestampMs) };
    }),
  );
}

/** Pairs of fields, by key. */
export function readPairs(fields: Readonly<Record<string, string>>): KeyValue[] {
  return inKeyOrder(Object.entries(fields).map(([field, value]) => ({ key: keyOf(field), value })));
}

/** Changes of tags as an update of MongoDB: null takes one away. Without such, `$unset` is left out, which refuses nothing. */
export function tagUpdate(tags: readonly TagChange[]): { readonly $set: Document; readonly $unset?: Document } {
  const $set: Document = {};
  const $unset: Document = {};
  for (const { key, value } of tags) {
    const path = `tags.${fieldOf(key)}`;
    if (value === null) $unset[path] = '';
    else $set[path] = value;
  }
  return { $set, ...(Object.keys($unset).length > 0 && { $unset }) };
}

function inKeyOrder<T extends { readonly key: string }>(items: T[]): T[] {
  return items.sort((left, right) => (left.key < right.key ? -1 : 1));
}

/** One text for one dataset of an experiment. */
export function datasetIdOf(experimentId: string, { name, digest }: DatasetInput): string {
  return JSON.stringify([experimentId, name, digest]);
}

/** A dataset input as the run keeps it: what searches ask for; the rest lies with the dataset. */
export function inputDocument(datasetId: string, { name, digest, tags }: DatasetInput): Document {
  const context = tags.find(({ key }) => key === CONTEXT_TAG)?.value ?? null;
  return { datasetId, name, digest, context, tags };
}
