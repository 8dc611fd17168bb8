/** The connection, the collections, and their indexes. Documents hold plain JSON; times are safe integers as int64. */
import { type ClientSession, type Collection, type Db, type Document, Long, MongoClient } from 'mongodb';

export interface StoredDocument extends Document {
  _id: string;
}

export interface Database {
  readonly db: Db;
  collection(name: string): Collection<StoredDocument>;
  /** Runs the body in a transaction, repeated while MongoDB says that this can help. */
  transact<T>(body: (session: ClientSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Connects and makes all indexes. Compression stays off: the oldest supported server leaks memory with it. */
export async function openDatabase(options: { readonly uri: string; readonly database: string }): Promise<Database> {
  const client = new MongoClient(options.uri, {
    compressors: ['none'],
    retryWrites: true,
    writeConcern: { w: 'majority' },
    readConcernLevel: 'majority',
    serverSelectionTimeoutMS: 10_000,
    ignoreUndefined: true,
  });
  await client.connect();
  const db = client.db(options.database);
  const database: Database = {
    db,
    collection: (name) => db.collection<StoredDocument>(name),
    transact: (body) => client.withSession((session) => session.withTransaction(() => body(session))),
    close: () => client.close(),
  };
  await ensureIndexes(database);
  return database;
}

async function ensureIndexes({ collection }: Database): Promise<void> {
  await Promise.all([
    collection('holdout_uses').createIndex({ model: 1, to: 1 }),
    collection('revisions').createIndex({ kind: 1, name: 1, revision: -1 }),
    collection('dataset_versions').createIndex({ dataset: 1, commitSeq: -1 }),
    collection('segments').createIndex({ dataset: 1, commitSeq: 1 }),
    collection('segments').createIndex({ dataset: 1, segmentId: 1 }),
    collection('segments').createIndex({ dataset: 1, ingestionId: 1 }),
    collection('segments').createIndex({ 'files.sha256': 1 }),
    collection('segments').createIndex({ sourceSha256: 1 }),
    collection('segments').createIndex({ 'inputs.versionId': 1 }),
    collection('retrievals').createIndex({ startedTs: -1 }),
    collection('dataset_versions').createIndex({ versionId: 1 }),
    collection('materializations').createIndex({ datasetVersionId: 1 }),
    collection('model_versions').createIndex({ 'lineage.spine.versionId': 1 }),
    collection('model_versions').createIndex({ 'lineage.views.view': 1 }),
    collection('model_versions').createIndex({ 'lineage.pipelineId': 1 }),
    collection('ingestions').createIndex({ dataset: 1, startedTs: -1 }),
    collection('quarantine_cases').createIndex({ dataset: 1, commitSeq: 1 }),
    collection('quarantine_cases').createIndex({ state: 1, openedTs: -1 }),
    collection('quarantine_decisions').createIndex({ caseId: 1, at: 1 }),
    collection('uploads').createIndex({ dataset: 1, uploadedTs: -1 }),
    collection('materializations').createIndex({ view: 1, viewRevision: 1, seq: 1 }),
    collection('pushed_feature_rows').createIndex({ view: 1, number: 1 }),
    collection('model_versions').createIndex({ model: 1, version: -1 }, { unique: true }),
    collection('model_versions').createIndex({ model: 1, requestId: 1 }, { unique: true }),
    collection('model_versions').createIndex(
      { model: 1 },
      { name: 'one_production', unique: true, partialFilterExpression: { stage: 'production' } },
    ),
    collection('alias_history').createIndex({ model: 1, validFrom: -1 }),
    collection('approvals').createIndex({ model: 1, outcome: 1 }),
    collection('decisions').createIndex({ approvalId: 1, at: 1 }),
    collection('rollouts').createIndex({ endpoint: 1, startedTs: -1 }),
    collection('prediction_buckets').createIndex({ endpoint: 1, minEventTs: 1, maxEventTs: 1 }),
    collection('prediction_buckets').createIndex({ expireAt: 1 }, { expireAfterSeconds: 0 }),
    collection('ground_truth').createIndex({ endpoint: 1, receivedTs: 1 }),
    collection('ground_truth').createIndex({ expireAt: 1 }, { expireAfterSeconds: 0 }),
    collection('window_reports').createIndex({ endpoint: 1, windowEnd: 1, version: 1, revision: -1 }),
    collection('window_profiles').createIndex({ endpoint: 1, windowEnd: 1, version: 1 }),
    collection('alerts').createIndex({ endpoint: 1, windowEnd: -1 }),
    collection('retraining_requests').createIndex({ model: 1, state: 1, receivedTs: 1 }),
    collection('pipelines').createIndex({ model: 1, startedTs: -1 }),
    collection('experiments').createIndex({ name: 1 }, { unique: true }),
    collection('experiments').createIndex({ createdTs: -1, _id: -1 }),
    collection('runs').createIndex({ experimentId: 1, lifecycle: 1, startTs: -1, _id: 1 }),
    collection('runs').createIndex({ experimentId: 1, lifecycle: 1, status: 1, startTs: -1, _id: 1 }),
    collection('runs').createIndex({ experimentId: 1, lifecycle: 1, endTs: 1 }),
    collection('runs').createIndex({ lifecycle: 1, startTs: -1, _id: 1 }),
    collection('runs').createIndex({ experimentId: 1, name: 1 }),
    collection('runs').createIndex({ 'inputs.name': 1 }),
    collection('runs').createIndex({ 'inputs.digest': 1 }),
    collection('runs').createIndex({ 'writer.untilTs': 1 }, { partialFilterExpression: { status: 'RUNNING' } }),
    collection('runs').createIndex(
      { '$**': 1 },
      { name: 'values', wildcardProjection: { metrics: 1, params: 1, tags: 1 } },
    ),
    collection('run_metrics').createIndex({ runId: 1, key: 1, firstSeq: 1 }),
    collection('run_metrics').createIndex({ runId: 1, lastSeq: 1 }),
    collection('audit_log').createIndex({ scope: 1, seq: 1 }, { unique: true }),
    collection('run_files').createIndex({ expireAt: 1 }, { expireAfterSeconds: 0 }),
    collection('idempotency_answers').createIndex({ expireAt: 1 }, { expireAfterSeconds: 0 }),
  ]);
}

/** Microseconds as int64: as doubles they would lose their type, though not their value, in other tools. */
export function int64(value: number): Long {
  return Long.fromNumber(value);
}

/** True for the violation of a unique index. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 11_000;
}

/** The document without its key, as the domain knows it. */
export function withoutId(document: StoredDocument): Record<string, unknown> {
  const { _id, ...rest } = document;
  return rest;
}
