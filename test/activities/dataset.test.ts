import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDatasetActivities, createDatasetComputeActivities } from '../../activities/dataset.js';
import { JOBS, type RunJob } from '../../activities/jobs/index.js';
import { localSegments } from '../../activities/jobs/segments.js';
import { segmentReferences } from '../../activities/segment-references.js';
import { declaredSourceUri } from '../../domain/dataset-source.js';
import { datasetRelation } from '../../ml/features/dataset-sql.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { createCollectionReader } from '../../store/mongo/collection-reader.js';
import { openTestDatabase, type TestDatabase } from '../support/mongo.js';
import { type ComputeBench, openComputeBench } from './compute-fixture.js';

const COLUMNS = [
  { name: 'ts', type: 'timestamp' },
  { name: 'origin', type: 'string' },
  { name: 'delay', type: 'float' },
];

describe('ingestion of declared sources', () => {
  let bench: ComputeBench;
  let shop: TestDatabase;
  let started: { ingestionId: string; dataset: string; sourceUri: string; requestedBy: string }[];
  let materialized: { materializationId: string; view: string; requestedBy: string }[];
  let now: number;

  beforeEach(async () => {
    bench = await openComputeBench();
    shop = await openTestDatabase();
    started = [];
    materialized = [];
    now = 1_000;
  });

  afterEach(async () => {
    await shop.drop();
    await bench.close();
  });

  const declare = (name: string, spec: object) =>
    bench.apply({
      apiVersion: 'perennial/v1',
      kind: 'Dataset',
      metadata: { name },
      spec: { columns: COLUMNS, eventTime: 'ts', ...spec },
    });

  /** One ingestion, with what the workflow makes of it. */
  async function ingest(dataset: string, options: { source?: string; ingestionId?: string } = {}) {
    const { stores, jobs } = bench;
    const resource = (await stores.resources.get('Dataset', dataset))?.resource;
    if (resource?.kind !== 'Dataset') throw new Error(`no dataset ${dataset}`);
    const sourceUri = options.source ?? declaredSourceUri(dataset, resource.spec) ?? '';
    const ingestionId = options.ingestionId ?? `i${now}`;
    const collections = createCollectionReader({ uri: shop.uri, database: 'perennial', secretOf: () => undefined });
    const runJob = ((name: 'prepareSegment', input: Parameters<typeof JOBS.prepareSegment>[0]) =>
      JOBS[name](structuredClone(input), { ...jobs.context, collections })) as RunJob;
    const compute = createDatasetComputeActivities({ stores, runJob, sourceFolders: [jobs.folder] });
    const prepared = await compute.prepareSegment({ ingestionId, dataset, sourceUri });
    if (prepared.outcome !== 'accepted') return { status: prepared.outcome };
    const { segment, revision } = prepared;
    now += 1_000;
    return activities().commitDatasetVersion({ ingestionId, dataset, revision, segment, actor: 'test' });
  }

  function activities() {
    const workflows = {
      ingestDataset: (input: (typeof started)[number]) => {
        started.push(input);
        return Promise.resolve();
      },
      materializeFeatures: (input: (typeof materialized)[number]) => {
        materialized.push(input);
        return Promise.resolve();
      },
    };
    return createDatasetActivities({ stores: bench.stores, workflows, now: () => now, sha256Hex });
  }

  async function rowsOf(dataset: string): Promise<unknown[][]> {
    const { stores, jobs } = bench;
    const head = await stores.datasets.head(dataset);
    const resource = (await stores.resources.get('Dataset', dataset))?.resource;
    if (head === null || resource?.kind !== 'Dataset') return [];
    const references = await segmentReferences(stores, dataset, head.versionId);
    const files = await localSegments(jobs.context.artifacts, references);
    const names = resource.spec.columns.map(({ name }) => name).join(', ');
    const sql = `select ${names} from ${datasetRelation(resource.spec, files)} order by all`;
    return (await jobs.context.tables.use((session) => session.rows(sql))).map((row) => Object.values(row));
  }

  async function file(name: string, lines: string[]): Promise<string> {
    const path = join(bench.jobs.folder, name);
    await writeFile(path, `ts,origin,delay\n${lines.join('\n')}\n`);
    return path;
  }

  it('reads a collection from where it stopped, and nothing twice', async () => {
    const mongo = { collection: 'flights', database: shop.name, highWater: 'ts' };
    await declare('live', { source: { mongo } });
    const flights = shop.db.collection('flights');
    const flight = (second: number, delay: number) => ({ ts: new Date(second * 1_000), origin: 'ATL', delay });
    expect(await ingest('live')).toEqual({ status: 'refused' });
    await flights.insertMany([flight(1, 10), flight(2, 20)]);
    expect(await ingest('live')).toMatchObject({ status: 'committed', commitSeq: 1 });
    expect(await ingest('live')).toEqual({ status: 'unchanged' });
    await flights.insertMany([flight(3, 30)]);
    expect(await ingest('live')).toMatchObject({ status: 'committed', commitSeq: 2 });
    expect(await rowsOf('live')).toEqual([
      [1_000_000, 'ATL', 10],
      [2_000_000, 'ATL', 20],
      [3_000_000, 'ATL', 30],
    ]);
  });

  it('has two readers of one collection commit in turn', async () => {
    await declare('live', { source: { mongo: { collection: 'flights', database: shop.name, highWater: 'ts' } } });
    await shop.db.collection('flights').insertOne({ ts: new Date(1_000), origin: 'ATL', delay: 1 });
    const { stores, jobs } = bench;
    const collections = createCollectionReader({ uri: shop.uri, database: 'perennial', secretOf: () => undefined });
    const runJob = ((name: 'prepareSegment', input: Parameters<typeof JOBS.prepareSegment>[0]) =>
      JOBS[name](input, { ...jobs.context, collections })) as RunJob;
    const compute = createDatasetComputeActivities({ stores, runJob, sourceFolders: [] });
    const about = { dataset: 'live', sourceUri: `mongo:${shop.name}/flights` };
    const slow = await compute.prepareSegment({ ingestionId: 'slow', ...about });
    await shop.db.collection('flights').insertOne({ ts: new Date(2_000), origin: 'ATL', delay: 2 });
    expect(await ingest('live', { ingestionId: 'fast' })).toMatchObject({ status: 'committed' });
    if (slow.outcome !== 'accepted') throw new Error(slow.outcome);
    const { segment, revision } = slow;
    const commit = { ingestionId: 'slow', dataset: 'live', revision, segment, actor: 'test' };
    expect(await activities().commitDatasetVersion(commit)).toMatchObject({ status: 'moved', commitSeq: 1 });
    expect(await ingest('live', { ingestionId: 'slow' })).toEqual({ status: 'unchanged' });
    expect(await rowsOf('live')).toHaveLength(2);
  });

  it('sets the feature views going that follow its versions, once for each', async () => {
    await declare('flights', {});
    const view = { dataset: 'flights', features: [{ name: 'delay', expression: 'delay' }] };
    for (const [name, more] of [
      ['follows', { materialize: { on: 'commit' } }],
      ['waits', {}],
    ] as const)
      await bench.apply({
        apiVersion: 'perennial/v1',
        kind: 'FeatureView',
        metadata: { name },
        spec: { ...view, ...more },
      });
    expect(await activities().startDependents({ dataset: 'flights' })).toEqual({ started: [] });
    await ingest('flights', { source: await file('a.csv', ['1970-01-01T00:00:01Z,ATL,10']) });
    expect(await activities().startDependents({ dataset: 'flights' })).toEqual({ started: ['follows'] });
    await activities().startDependents({ dataset: 'flights' });
    await ingest('flights', { source: await file('b.csv', ['1970-01-01T00:00:02Z,ATL,11']) });
    await activities().startDependents({ dataset: 'flights' });
    const ids = materialized.map(({ materializationId }) => materializationId);
    expect([ids.length, ids[1] === ids[0], ids[2] === ids[0]]).toEqual([3, true, false]);
    expect(materialized[0]).toMatchObject({ view: 'follows', requestedBy: 'dataset/flights' });
  });

  it('makes a dataset of others, keeps what it read as lineage, and follows their versions', async () => {
    await declare('flights', { keys: ['origin'] });
    const sql = `select ts, origin, delay, known_ts from f where delay > (select min(delay) from slow)`;
    await declare('late', {
      columns: [...COLUMNS, { name: 'known_ts', type: 'timestamp' }],
      query: { sql, from: { f: 'flights', slow: 'delays' } },
      knowledge: { from: 'column', column: 'known_ts' },
    });
    await declare('delays', {});
    await ingest('flights', {
      source: await file('a.csv', ['1970-01-01T00:00:01Z,ATL,10', '1970-01-01T00:00:02Z,ORD,20']),
    });
    // The other input has no version yet.
    expect(await activities().startDependents({ dataset: 'flights' })).toEqual({ started: [] });
    await expect(ingest('late')).rejects.toMatchObject({ code: 'PRN_DATASET_EMPTY' });
    await ingest('delays', { source: await file('b.csv', ['1970-01-01T00:00:01Z,X,15']) });
    expect(await activities().startDependents({ dataset: 'delays' })).toEqual({ started: ['late'] });
    await activities().startDependents({ dataset: 'delays' });
    expect(started).toEqual([started[0], started[0]]);
    expect(started[0]).toMatchObject({ dataset: 'late', sourceUri: 'query:late', requestedBy: 'dataset/delays' });

    const first = await ingest('late');
    expect(first).toMatchObject({ status: 'committed', commitSeq: 1 });
    expect(await rowsOf('late')).toEqual([[2_000_000, 'ORD', 20, 2_000]]);
    expect(await ingest('late')).toEqual({ ...first, status: 'unchanged' });

    // A correction and a new row: the result holds them in the place of the old one, each known when its input was.
    await ingest('flights', {
      source: await file('c.csv', ['1970-01-01T00:00:02Z,ORD,25', '1970-01-01T00:00:03Z,SEA,40']),
    });
    await activities().startDependents({ dataset: 'flights' });
    expect(started[2]?.ingestionId).not.toBe(started[0]?.ingestionId);
    expect(await ingest('late')).toMatchObject({ status: 'committed', commitSeq: 2 });
    const head = await bench.stores.datasets.head('late');
    if (head === null) throw new Error('no head');
    expect(await rowsOf('late')).toHaveLength(2);
    const [segment] = await bench.stores.datasets.segments(head);
    expect(segment?.inputs.map(({ dataset, commitSeq }) => [dataset, commitSeq])).toEqual([
      ['flights', 2],
      ['delays', 1],
    ]);
  });

  it('replaces the rows of a dataset that says so', async () => {
    await declare('prices', { mode: 'replace' });
    await ingest('prices', { source: await file('a.csv', ['1970-01-01T00:00:01Z,ATL,10']) });
    await ingest('prices', { source: await file('b.csv', ['1970-01-01T00:00:02Z,ORD,20']) });
    expect(await rowsOf('prices')).toEqual([[2_000_000, 'ORD', 20]]);
  });

  it('knows a correction of a row no earlier than its own commit', async () => {
    await declare('flights', { keys: ['origin'], knowledge: { from: 'event', delay: '1s' } });
    await ingest('flights', { source: await file('a.csv', ['1970-01-01T00:00:01Z,ATL,10']) });
    now = 5_000_000;
    await ingest('flights', {
      source: await file('b.csv', ['1970-01-01T00:00:01Z,ATL,11', '1970-01-01T00:00:02Z,ATL,12']),
    });
    const head = await bench.stores.datasets.head('flights');
    const resource = (await bench.stores.resources.get('Dataset', 'flights'))?.resource;
    if (head === null || resource?.kind !== 'Dataset') throw new Error('no head');
    const { artifacts, tables } = bench.jobs.context;
    const files = await localSegments(artifacts, await segmentReferences(bench.stores, 'flights', head.versionId));
    const relation = datasetRelation(resource.spec, files);
    const sql = `select ts, delay, "row:known_ts" as known, "row:superseded_ts" as superseded from ${relation} order by ts, known`;
    expect((await tables.use((session) => session.rows(sql))).map((row) => Object.values(row))).toEqual([
      [1_000_000, 10, 2_000_000, 5_001_000],
      [1_000_000, 11, 5_001_000, null],
      [2_000_000, 12, 3_000_000, null],
    ]);
  });
});
