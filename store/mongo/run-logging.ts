/** What is logged to a run: points, parameters, tags and inputs, all of a batch or nothing. */
import type { AnyBulkWriteOperation, ClientSession, Document } from 'mongodb';
import { DomainError } from '../../domain/errors.js';
import { isLost, requireActive, requireWriter } from '../../domain/run-writer.js';
import { type DatasetInput, isLater, type KeyValue, type Metric, NAME_TAG } from '../../domain/tracking.js';
import type { TagChange } from '../contracts/experiments.js';
import type { RunBatch } from '../contracts/runs.js';
import { type Database, int64, type StoredDocument } from './database.js';
import { type ChangeRun, revival, signOfLife } from './run-changes.js';
import {
  datasetIdOf,
  fieldOf,
  inputDocument,
  latestOf,
  type LatestPoint,
  readRunInfo,
  tagUpdate,
} from './run-documents.js';
import type { PlacedPoint, RunHistory } from './run-history.js';
import { requireRoom } from './run-size.js';

interface Dependencies {
  readonly history: RunHistory;
  readonly change: ChangeRun;
  readonly now: () => number;
}

export function createRunLogging(database: Database, { history, change, now }: Dependencies) {
  return (runId: string, batch: RunBatch, epoch: number | null): Promise<StoredDocument> =>
    change(runId, async (document, session) => {
      const { metrics = [], params = [], tags = [], inputs = [] } = batch;
      const run = readRunInfo(document);
      if (metrics.length + params.length + inputs.length > 0) requireWriter(run, epoch);
      else requireActive(run);
      const fresh = metrics.length === 0 ? [] : await history.unknown(session, runId, metrics);
      const { points, set } = placePoints(document, fresh);
      const tagged = tagUpdate(tags);
      const $set = {
        ...set,
        ...paramFields(document, params),
        ...tagged.$set,
        ...nameOf(tags),
        ...(await inputFields(database, { session, document, inputs })),
        ...(epoch !== null && signOfLife(document, now())),
        ...(epoch !== null && isLost(run) && revival),
      };
      requireRoom(document, $set);
      await history.append(session, runId, points);
      const { $unset } = tagged;
      if (Object.keys($set).length === 0 && $unset === undefined) return null;
      return { $set, $inc: { metricSeq: points.length }, ...($unset && { $unset }) };
    });
}

/** Numbers the points of a run, and tells which values are the latest now. */
function placePoints(document: StoredDocument, fresh: readonly Metric[]): { points: PlacedPoint[]; set: Document } {
  const newest = new Map<string, LatestPoint & { readonly value: number }>();
  const firstSeq = Number(document['metricSeq']) + 1;
  const points = fresh.map((point, index) => {
    const { key, value, step, timestampMs } = point;
    const before = newest.get(key) ?? storedLatest(document, key);
    const count = (before?.count ?? 0) + 1;
    const latest = before === undefined || isLater(point, before) ? { value, step, timestampMs } : before;
    newest.set(key, { ...latest, count });
    return { ...point, seq: firstSeq + index, position: count - 1 };
  });
  const set = [...newest].flatMap(([key, { value, step, timestampMs, count }]) => [
    [`metrics.${fieldOf(key)}`, value],
    [`latest.${fieldOf(key)}`, { step: int64(step), timestampMs: int64(timestampMs), count }],
  ]);
  return { points, set: Object.fromEntries(set) as Document };
}

function storedLatest(document: StoredDocument, key: string): (LatestPoint & { readonly value: number }) | undefined {
  const latest = latestOf(document, key);
  if (latest === undefined) return undefined;
  const { metrics } = document as unknown as { metrics: Readonly<Record<string, number>> };
  const { step, timestampMs, count } = latest;
  return { step: Number(step), timestampMs: Number(timestampMs), count, value: metrics[fieldOf(key)] ?? Number.NaN };
}

function paramFields(document: StoredDocument, params: readonly KeyValue[]): Document {
  const stored = new Map(Object.entries(document['params'] as Readonly<Record<string, string>>));
  const set: Document = {};
  for (const { key, value } of params) {
    const field = fieldOf(key);
    const before = stored.get(field);
    if (before !== undefined && before !== value)
      throw new DomainError('PRN_RUN_PARAM_CHANGED', {
        key,
        runId: document._id,
        stored: cut(before),
        got: cut(value),
      });
    if (before === undefined) set[`params.${field}`] = value;
    stored.set(field, value);
  }
  return set;
}

/** The name of the run goes with its tag. */
function nameOf(tags: readonly TagChange[]): Document {
  const name = tags.findLast(({ key }) => key === NAME_TAG)?.value ?? null;
  return name === null ? {} : { name };
}

/** Inputs that the run has not, in addition to those it has; what a dataset is, is kept once for its experiment. */
async function inputFields(
  database: Database,
  { session, document, inputs }: { session: ClientSession; document: StoredDocument; inputs: readonly DatasetInput[] },
): Promise<Document> {
  if (inputs.length === 0) return {};
  const held = new Map((document['inputs'] as Document[]).map((input) => [String(input['datasetId']), input]));
  const upserts: AnyBulkWriteOperation<StoredDocument>[] = [];
  for (const input of inputs) {
    const datasetId = datasetIdOf(String(document['experimentId']), input);
    if (held.has(datasetId)) continue;
    held.set(datasetId, inputDocument(datasetId, input));
    const { tags: _tags, ...dataset } = input;
    upserts.push({ updateOne: { filter: { _id: datasetId }, update: { $setOnInsert: dataset }, upsert: true } });
  }
  if (upserts.length === 0) return {};
  await database.collection('run_datasets').bulkWrite(upserts, { session, ordered: false });
  return { inputs: [...held.values()] };
}

function cut(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
