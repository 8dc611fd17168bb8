import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import { workflowIds } from '../../domain/ids.js';
import { Resource } from '../../domain/resources.js';
import { parseIso } from '../../domain/time.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import type { TableEngine } from '../../store/contracts/tables.js';
import { RESOURCES as FLIGHTS } from '../activities/compute-fixture.js';
import { bundleOf, MODEL, newVersion } from '../serving/serving-fixture.js';
import type { ApiWorld } from '../support/api-world.js';
import { documentOf } from '../support/document.js';
import { recordHistory } from '../support/histories.js';
import { type FeatureWorld, openFeatureWorld } from './feature-world.js';

const T = parseIso('2026-03-01T10:00:00Z');
const HOUR = 3_600_000_000;

const view = (name: string, features: string[]) =>
  documentOf('FeatureView', name, {
    dataset: 'trips',
    entity: 'driver',
    keys: { driver: 'id' },
    features: features.map((feature) => ({ name: feature, expression: feature })),
  });
const RESOURCES = [
  documentOf('Dataset', 'trips', {
    columns: [
      { name: 'ts', type: 'timestamp' },
      { name: 'id', type: 'integer' },
      { name: 'avg_daily_trips', type: 'float' },
      { name: 'conv_rate', type: 'float' },
    ],
    eventTime: 'ts',
    knowledge: { from: 'event', delay: '0s' },
  }),
  documentOf('Entity', 'driver', { keys: [{ name: 'driver', type: 'string' }] }),
  view('driver-trips', ['avg_daily_trips']),
  view('driver-rates', ['conv_rate', 'avg_daily_trips']),
  view('driver-nothing', ['conv_rate']),
];

describe('historical retrieval over HTTP', () => {
  let world: FeatureWorld;
  let api: ApiWorld;
  let tables: TableEngine;
  let retrieve: FeatureWorld['retrieve'];
  let tableOf: FeatureWorld['tableOf'];
  /** Spines are not read before it is open. */
  let gate: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    world = await openFeatureWorld({ now: () => T + 90 * 24 * HOUR, beforeSpine: () => gate });
    ({ api, tables, retrieve, tableOf } = world);
    expect(await api.call('put', '/v1/resources', { body: RESOURCES })).toMatchObject({ status: 200 });
    await commitChunk('driver-trips', 'avg_daily_trips', [`('1001', ${T}, ${T}, 1, false, 10)`]);
    await commitChunk('driver-rates', 'conv_rate, avg_daily_trips', [
      `('1001', ${T}, ${T}, 1, false, 0.5, 11)`,
      `('1002', ${T}, ${T + HOUR}, 2, false, 0.25, 12)`,
    ]);
  }, 120_000);

  afterAll(async () => {
    await world.close();
  });

  async function commitChunk(name: string, features: string, rows: readonly string[]): Promise<void> {
    const { stores } = api.dependencies;
    const path = await stores.artifacts.scratchPath('parquet');
    const columns = `driver, event_ts, known_ts, seq, deleted, ${features}`;
    const reals = features.split(', ').map((feature) => `${feature}::real as ${feature}`);
    await tables.use((session) =>
      session.execute(
        `copy (select * replace (event_ts::bigint as event_ts, known_ts::bigint as known_ts, seq::bigint as seq, ${reals.join(', ')})
          from (values ${rows.join(', ')}) t(${columns})) to ${quoteText(path)} (format parquet)`,
      ),
    );
    const table = await stores.artifacts.adopt(path, MEDIA_TYPES.parquet);
    const revision = (await stores.resources.get('FeatureView', name))?.revision ?? 0;
    const chunk = { view: name, chunkId: table.sha256, commitSeq: 1, datasetVersionId: 'v1', viewRevision: revision };
    await stores.features.commitChunk({ ...chunk, fromCut: T, toCut: T, rows: rows.length, table });
  }

  const spine = {
    rows: [
      { driver: 1002, event_ts: '2026-03-01T10:30:00Z', label: 1 },
      { driver: 1001, event_ts: '2026-03-01T10:30:00Z', label: 0 },
    ],
  };

  it('answers 202, then the table, the same under another id, and leaks only where it says so', async () => {
    const features = ['driver-rates:conv_rate', 'driver-trips'];
    const { started, ended } = await retrieve({ spine, features, retrievalId: 'first' });
    expect(started).toMatchObject({ status: 202, location: '/v1/features/historical/first' });
    expect(ended).toMatchObject({ state: 'completed', leaks: false, error: null, requestedBy: 'admin' });
    expect(await tableOf('first')).toEqual([
      { driver: 1002, event_ts: '2026-03-01T10:30:00Z', label: 1, conv_rate: null, avg_daily_trips: null },
      { driver: 1001, event_ts: '2026-03-01T10:30:00Z', label: 0, conv_rate: 0.5, avg_daily_trips: 10 },
    ]);
    await recordHistory(api.temporal.client, workflowIds.historicalRetrieval('first'), 'historicalRetrieval/completed');

    // What is materialised meanwhile is another answer; what was answered stays.
    const again = await retrieve({ spine, features, retrievalId: 'again' });
    expect(again.ended['result']).toEqual(ended['result']);
    expect((await retrieve({ spine, features, retrievalId: 'first' })).ended).toEqual(ended);
    const other = await api.call('post', '/v1/features/historical', {
      body: { spine, features, fullNames: true, retrievalId: 'first' },
    });
    expect(other.body.error?.message).toContain('retrievalId first belongs to another request already');

    const latest = await retrieve({ spine, features, knowledge: 'latest', retrievalId: 'latest' });
    expect(latest.ended).toMatchObject({ state: 'completed', leaks: true, knowledge: 'latest' });
    expect((await tableOf('latest')).map((row) => row['conv_rate'])).toEqual([0.25, 0.5]);
  });

  it('asks about the rows of a dataset, of a stretch of time', async () => {
    await world.ingest('trips', [
      'ts,id,avg_daily_trips,conv_rate',
      '2026-03-01T10:00:00Z,1001,10,0.5',
      '2026-03-01T10:30:00Z,1001,20,0.6',
      '2026-03-01T11:00:00Z,1002,30,0.7',
    ]);
    const { ended } = await retrieve({
      spine: { dataset: 'trips', from: '2026-03-01T10:30:00Z' },
      features: [{ view: 'driver-rates', feature: 'conv_rate', as: 'by-id', keys: { driver: 'id' } }],
      fullNames: true,
      retrievalId: 'dataset',
    });
    expect(ended).toMatchObject({ state: 'completed' });
    expect((await tableOf('dataset')).map((row) => [row['id'], row['conv_rate'], row['by_id__conv_rate']])).toEqual([
      [1001, expect.closeTo(0.6, 6), 0.5],
      [1002, expect.closeTo(0.7, 6), 0.25],
    ]);
  });

  it('gives what a registered version reads, computed features included', async () => {
    const { stores } = api.dependencies;
    const { revision = 0 } = (await stores.resources.get('FeatureView', 'driver-rates')) ?? {};
    await stores.resources.apply({ resource: Resource.parse(FLIGHTS.model), actor: 'test' });
    const asked = { rows: spine.rows.map((row) => ({ ...row, distance: 8 })) };
    const untrained = await retrieve({ spine: asked, featureService: { model: MODEL } });
    expect(untrained.ended['error']).toMatchObject({
      code: 'PRN_MODEL_NO_CHAMPION',
      message: expect.stringContaining('it is declared, but no version of it was trained yet'),
    });
    const base = await bundleOf(stores, { base: 0, readsView: false });
    const conv = { kind: 'view', view: 'driver-rates', feature: 'conv_rate' } as const;
    await stores.registry.registerVersion(
      newVersion({
        ...base,
        request: [...base.request, { name: 'driver', datatype: 'BYTES', nullable: false }],
        views: [
          {
            view: 'driver-rates',
            revision,
            keys: [{ key: 'driver', type: 'string', request: 'driver' }],
            features: ['conv_rate'],
            types: { conv_rate: 'float' },
            maxAgeMicros: null,
          },
        ],
        plan: {
          inputs: [
            { name: 'distance', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'distance' } },
            { name: 'driver_rates__conv_rate', datatype: 'FP32', nullable: true, source: conv },
          ],
          features: [
            { name: 'conv', expression: 'driver_rates__conv_rate' },
            { name: 'scaled', expression: 'coalesce(driver_rates__conv_rate, 1) * distance' },
          ],
          encodings: [],
        },
      }),
    );
    const featureService = { model: MODEL, version: 1 };
    const { ended } = await retrieve({ spine: asked, featureService, retrievalId: 'version' });
    expect(ended).toMatchObject({ state: 'completed', error: null });
    // Nobody knew the rate of 1002 at that time.
    expect((await tableOf('version')).map((row) => [row['conv'], row['scaled']])).toEqual([
      [null, 8],
      [0.5, 4],
    ]);
    const champion = await retrieve({ spine: asked, featureService: { model: MODEL } });
    expect(champion.ended['error']).toMatchObject({ code: 'PRN_MODEL_NO_CHAMPION' });
  });

  it('ends as failed when it is cancelled, so that nobody waits for it', async () => {
    let open = (): void => undefined;
    // Whatever happens, later spines are read.
    setTimeout(() => open(), 10_000);
    gate = new Promise<void>((resolve) => (open = resolve));
    const ended = retrieve({ spine, features: ['driver-trips'], retrievalId: 'cancelled' });
    const handle = api.temporal.client.workflow.getHandle(workflowIds.historicalRetrieval('cancelled'));
    await vi.waitFor(() => handle.cancel(), { timeout: 10_000 });
    open();
    expect((await ended).ended).toMatchObject({
      state: 'failed',
      result: null,
      error: { code: 'CancelledFailure' },
      endedTs: expect.any(String),
    });
  });

  it('keeps only the outputs that are asked for', async () => {
    const { ended } = await retrieve({ spine, features: ['driver-rates'], outputs: ['avg_daily_trips'] });
    expect(ended['result']).toMatchObject({ features: [{ name: 'avg_daily_trips', type: 'float', nulls: 1 }] });
  });

  it.each([
    [
      'unknown views, all at once',
      { features: ['driver-trip:avg_daily_trips', 'driver-trips', 'weather'] },
      'No FeatureView named driver-trip (did you mean "driver-trips"?), weather exists.',
    ],
    [
      'a feature of another view of the same dataset',
      { features: ['driver-trips:conv_rate'] },
      'Feature view driver-trips has no feature conv_rate; it has avg_daily_trips.',
    ],
    ['two views with a feature of one name', { features: ['driver-trips', 'driver-rates'] }, 'Ask for full names'],
    ['a view without rows', { features: ['driver-nothing'] }, 'Feature view driver-nothing has not been materialised'],
    [
      'a missing key',
      { features: ['driver-trips'], spine: { rows: [{ drver: 1, event_ts: 5 }] } },
      'Entity keys driver (did you mean "drver"?) are missing',
    ],
    ['a model that was never declared', { featureService: { model: 'delay' } }, 'No Model named delay exists'],
  ])('refuses %s', async (_what, changes, message) => {
    const { ended } = await retrieve({ spine, ...changes });
    const error = ended['error'] as { message: string };
    expect(error.message).toContain(message);
  });

  it('gives no table before there is one', async () => {
    const { ended } = await retrieve({ spine, features: ['driver-nothing'], retrievalId: 'failed' });
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'PRN_FEATURE_VIEW_EMPTY' } });
    await recordHistory(api.temporal.client, workflowIds.historicalRetrieval('failed'), 'historicalRetrieval/failed');
    const reply = await api.call('get', '/v1/features/historical/failed/table');
    expect(reply).toMatchObject({ status: 409, body: { error: { code: 'PRN_RETRIEVAL_NOT_FINISHED' } } });
    expect((await api.call('get', '/v1/features/historical/unknown')).status).toBe(404);
  });
});
