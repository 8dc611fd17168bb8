import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../../domain/dataset.js';
import type { DatasetStore } from '../../../store/contracts/datasets.js';
import { sha256Hex } from '../../../store/contracts/digests.js';
import { createAppendAudit } from '../../../store/mongo/audit.js';
import { type Database, openDatabase } from '../../../store/mongo/database.js';
import { createDatasetStore } from '../../../store/mongo/datasets.js';
import { createAppendEvent } from '../../../store/mongo/outbox.js';
import { openTestDatabase, type TestDatabase } from '../../support/mongo.js';

const DIGEST = '0'.repeat(64);
const TABLE = { uri: `artifact://sha256/${DIGEST}`, sha256: DIGEST, bytes: 1, mediaType: 'application/json' };

describe('the head of a dataset', () => {
  let test: TestDatabase;
  let database: Database;
  let datasets: DatasetStore;

  beforeEach(async () => {
    test = await openTestDatabase();
    database = await openDatabase({ uri: test.uri, database: test.name });
    const append = createAppendAudit(database, sha256Hex);
    datasets = createDatasetStore(database, { append, appendEvent: createAppendEvent(database, () => 1), sha256Hex });
  });

  afterEach(async () => {
    await database.close();
    await test.drop();
  });

  const segment = (segmentId: string, changes: Partial<Segment> = {}): Segment => ({
    segmentId,
    dataset: 'flights',
    sourceUri: '/data/flights.csv',
    sourceSha256: segmentId,
    files: [],
    inputs: [],
    highWater: null,
    accepted: 10,
    quarantined: 0,
    minEventTs: 1,
    maxEventTs: 2,
    minKnownTs: 1,
    maxKnownTs: 2,
    knowledge: 'observed',
    table: TABLE,
    quarantineTable: null,
    brokenRules: [],
    report: TABLE,
    profile: TABLE,
    ...changes,
  });
  let ingestions = 0;
  async function commit(brought: Segment, options: { replaces?: boolean; ingestionId?: string; now?: number } = {}) {
    ingestions += 1;
    const { replaces = false, ingestionId = `i${ingestions}`, now = 1_000 } = options;
    const about = { revision: 1, actor: 'test', now };
    const { status, version } = await datasets.commitSegment({ segment: brought, replaces, ingestionId, ...about });
    const held = await datasets.segments(version);
    const { commitSeq, versionId, rows } = version;
    return { status, commitSeq, versionId, rows, segments: held.map(({ segmentId }) => segmentId) };
  }

  it('appends segments, and takes one it holds for unchanged', async () => {
    const first = await commit(segment('a'));
    expect(first).toMatchObject({ status: 'committed', commitSeq: 1, rows: 10, segments: ['a'] });
    expect(await commit(segment('b'))).toMatchObject({ commitSeq: 2, rows: 20, segments: ['a', 'b'] });
    expect(await commit(segment('a'))).toEqual({ ...first, status: 'unchanged' });
    expect(await datasets.versions('flights', 10)).toHaveLength(2);
  });

  it('tells an ingestion whose answer was lost that it committed', async () => {
    const first = await commit(segment('a'), { ingestionId: 'same' });
    expect(await commit(segment('a'), { ingestionId: 'same' })).toEqual(first);
    expect(await datasets.versions('flights', 10)).toHaveLength(1);
  });

  it('replaces all rows, keeps the replaced versions readable, and tells rows that come back from those of then', async () => {
    const first = await commit(segment('a'), { replaces: true });
    const second = await commit(segment('b'), { replaces: true });
    expect(second).toMatchObject({ status: 'committed', commitSeq: 2, rows: 10, segments: ['b'] });
    expect(await commit(segment('b'), { replaces: true })).toEqual({ ...second, status: 'unchanged' });
    const third = await commit(segment('a'), { replaces: true, now: 5_000 });
    expect(third).toMatchObject({ status: 'committed', commitSeq: 3, rows: 10, segments: ['a'] });
    expect(third.versionId).not.toBe(first.versionId);
    expect(await commit(segment('c'))).toMatchObject({ commitSeq: 4, rows: 20, segments: ['a', 'c'] });
    const old = await datasets.version('flights', first.versionId);
    if (old === null) throw new Error('gone');
    const known = (await datasets.segments(old)).map(({ segmentId, commitKnownTs }) => [segmentId, commitKnownTs]);
    expect(known).toEqual([['a', 1_000]]);
  });

  it('lets an ordered source go on only from where the head stands', async () => {
    const read = (id: string, after: string | null, reached: string) => segment(id, { highWater: { after, reached } });
    expect(await datasets.highWater('flights')).toBeNull();
    await commit(read('a', null, '5'));
    await commit(segment('file'));
    expect(await datasets.highWater('flights')).toBe('5');
    expect(await commit(read('late', null, '6'))).toMatchObject({ status: 'moved', segments: ['a', 'file'] });
    expect(await commit(read('b', '5', '7'))).toMatchObject({ status: 'committed' });
    expect(await datasets.highWater('flights')).toBe('7');
  });

  it('never replaces the result of a query by one over older inputs', async () => {
    const made = (id: string, ...seqs: number[]) => {
      const inputs = seqs.map((commitSeq, at) => ({ dataset: `d${at}`, versionId: `v${commitSeq}`, commitSeq }));
      return segment(id, { inputs });
    };
    await commit(made('a', 1, 1), { replaces: true });
    const newest = await commit(made('b', 2, 1), { replaces: true });
    expect(await commit(made('c', 1, 2), { replaces: true })).toEqual({ ...newest, status: 'moved' });
    expect(await commit(made('d', 2, 2), { replaces: true })).toMatchObject({ status: 'committed', segments: ['d'] });
  });

  it('commits racing ingestions one after the other', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map((name) => commit(segment(name))));
    const versions = await datasets.versions('flights', 10);
    expect(versions.map(({ commitSeq, rows }) => [commitSeq, rows])).toEqual(
      [6, 5, 4, 3, 2, 1].map((n) => [n, n * 10]),
    );
    expect(versions.map(({ knownTs }) => knownTs)).toEqual([1_005, 1_004, 1_003, 1_002, 1_001, 1_000]);
  });
});
