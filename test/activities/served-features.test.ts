import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { createServedFeatureActivities } from '../../activities/served-features.js';
import { createTrainingComputeActivities } from '../../activities/training-compute.js';
import type { Bundle } from '../../domain/bundle.js';
import { Resource } from '../../domain/resources.js';
import { MICROS_PER_HOUR, parseIso } from '../../domain/time.js';
import { TrainedModel } from '../../domain/training.js';
import { type LoadedVersion, loadVersion } from '../../scoring/loaded-version.js';
import { contractOf } from '../../serving/contract.js';
import { infer } from '../../serving/inference.js';
import type { LiveEndpoint } from '../../serving/live-endpoints.js';
import { openPredictionLog } from '../../serving/prediction-log.js';
import { createShadowScoring } from '../../serving/shadow-scoring.js';
import type { VisibleRows } from '../../serving/visible-rows.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { onlineKey } from '../../store/contracts/features.js';
import { type ComputeBench, newVersion } from './compute-fixture.js';
import { openFlightsBench, snapshotFlights } from './flights-fixture.js';

const ENDPOINT = 'flight-delay';
/** The cut of that day is at six. */
const ASKED = parseIso('2001-03-01T08:00:00Z');
const AIRPORTS = ['ORD', 'DEN', 'SEA'];
const FEATURES_OF_TWO_VIEWS = 6;

describe('features that were served', () => {
  let bench: ComputeBench;
  let loaded: LoadedVersion;
  let windowStart: number = ASKED;

  beforeAll(async () => {
    bench = await openFlightsBench();
    const snapshot = await snapshotFlights(bench);
    const { buildTrainingDataset, trainModel } = createTrainingComputeActivities(bench);
    const { dataset } = await buildTrainingDataset({ snapshot });
    const { trained } = await trainModel({ snapshot, dataset });
    const { bundle } = await getJson(bench.stores.artifacts, trained, TrainedModel);
    await bench.stores.registry.registerVersion({ ...(await newVersion(bench, 'r1')), bundle });
    await bench.stores.endpoints.ensure(ENDPOINT, 'wall');
    loaded = await loadVersion(bench.stores.artifacts, 1, bundle);
  });
  afterAll(async () => {
    loaded.release();
    await bench.close();
  });
  beforeEach(() => {
    windowStart += MICROS_PER_HOUR;
  });

  /** Each test has its own hour. */
  const askedTs = (): number => windowStart + MICROS_PER_HOUR / 2;

  /** Answers one row for each airport as the serving process does, every row sampled, and waits for the log. */
  async function serve(overrides: Readonly<Record<string, readonly number[]>> = {}, share = 1): Promise<void> {
    const { stores } = bench;
    const log = openPredictionLog({
      store: stores.predictions,
      instanceId: `i${windowStart}`,
      now: () => Date.now() * 1_000,
    });
    const shadows = createShadowScoring(log, { onProblem: (error) => expect(error).toBeUndefined() });
    const state = await stores.endpoints.ensure(ENDPOINT, 'wall');
    const live: LiveEndpoint = {
      endpoint: ENDPOINT,
      state,
      versions: new Map([[1, loaded]]),
      unitField: null,
      featureCheckShare: share,
      contract: contractOf([loaded.bundle], 'wall'),
      assign: () => 1,
    };
    const routed = { ...live, state: { ...state, routes: { ...state.routes, routes: [{ version: 1, weight: 100 }] } } };
    const body = JSON.stringify({ inputs: [...requestOf(loaded.bundle), ...overridesOf(overrides)] });
    const rows: VisibleRows = {
      read: async ({ view, keys }) => ({ rows: await stores.features.readOnline(view.view, keys), staleMs: 0 }),
    };
    await infer({ rows, log, shadows, now: () => askedTs() }, routed, { body, pinned: null });
    await log.close();
  }

  function requestOf({ request }: Bundle) {
    const values: Record<string, readonly (string | number)[]> = {
      origin: AIRPORTS,
      destination: AIRPORTS.toReversed(),
      distance: [500, 1_500, 2_400],
      departed_ts: AIRPORTS.map(askedTs),
    };
    return request.map(({ name, datatype }) => ({ name, datatype, shape: [3, 1], data: values[name] }));
  }

  function overridesOf(overrides: Readonly<Record<string, readonly number[]>>) {
    return Object.entries(overrides).map(([name, data]) => ({ name, datatype: 'FP32', shape: [3, 1], data }));
  }

  function check() {
    const { checkServedFeatures } = createServedFeatureActivities({
      ...bench,
      now: () => 1,
      sha256Hex,
    });
    return checkServedFeatures({ endpoint: ENDPOINT, windowStart, windowEnd: windowStart + MICROS_PER_HOUR });
  }

  async function allowDelay(maxPublicationDelay: string): Promise<void> {
    const spec = { featureCheck: { maxPublicationDelay } };
    const document = { apiVersion: 'perennial/v1', kind: 'Endpoint', metadata: { name: ENDPOINT }, spec };
    await bench.stores.resources.apply({ resource: Resource.parse(document), actor: 'test' });
  }

  const onlineRows = () => bench.database.collection('online_origin-traffic');
  const ORD = onlineKey(['ORD']);

  it('are as history gives them for the moment that was asked about', async () => {
    await serve();
    expect(await check()).toEqual({
      alerts: [],
      lines: [`features of 3 sampled predictions recomputed: ${3 * FEATURES_OF_TWO_VIEWS} as history has them`],
    });
  });

  it('raise an alert with the row where the online row was altered', async () => {
    const before = await onlineRows().findOne({ _id: ORD });
    await onlineRows().updateOne({ _id: ORD }, { $set: { 'values.late_rate_7d': 0.123 } });
    await serve();
    await onlineRows().updateOne({ _id: ORD }, { $set: { values: before?.['values'] } });

    const { alerts, lines } = await check();
    expect(lines).toEqual(['features of 3 sampled predictions recomputed: 17 as history has them, 1 DIFFERENT']);
    expect(alerts).toMatchObject([{ monitor: 'feature-skew', severity: 'page', action: 'none' }]);
    const recomputed = String(before?.['values']['late_rate_7d']);
    const cut = '2001-03-01T06:00:00.000Z';
    expect(alerts[0]?.explanation).toContain(`origin_traffic__late_rate_7d of ["ORD"] at `);
    expect(alerts[0]?.explanation).toContain(
      `was served as history does not have it: served ${Math.fround(0.123)} (row of ${cut}, known ${cut}), recomputed ${recomputed} (row of ${cut}, known ${cut})`,
    );
    const stored = await bench.stores.monitoring.alerts({ endpoint: ENDPOINT });
    expect(stored).toHaveLength(1);
    expect(stored[0]).toMatchObject({
      version: 1,
      served: { verdict: 'different', view: 'origin-traffic', feature: 'late_rate_7d', keys: ['ORD'], recomputed },
    });
    // Asked again, the same alert.
    expect((await check()).alerts).toEqual(alerts);
    expect(await bench.stores.monitoring.alerts({ endpoint: ENDPOINT })).toHaveLength(1);
  });

  it('are late, not wrong, where the newest row was not online yet', async () => {
    const before = await onlineRows().findOne({ _id: ORD });
    await onlineRows().deleteOne({ _id: ORD });
    await serve();
    if (before !== null) await onlineRows().insertOne(before);
    await allowDelay('1d');
    const { alerts, lines } = await check();
    expect(alerts).toEqual([]);
    expect(lines[0]).toMatch(
      /^features of 3 sampled predictions recomputed: 15 as history has them, 3 published late, up to \d+ s after they were known$/,
    );
  });

  it('raise an alert where a row had been due for longer than allowed, as a lost one is', async () => {
    const before = await onlineRows().findOne({ _id: ORD });
    await onlineRows().deleteOne({ _id: ORD });
    await serve();
    if (before !== null) await onlineRows().insertOne(before);
    await allowDelay('1h');
    const { alerts, lines } = await check();
    expect(lines[0]).toContain('15 as history has them, 3 OVERDUE');
    expect(alerts.map(({ severity }) => severity)).toEqual(['page', 'page', 'page']);
    expect(alerts[0]?.explanation).toContain('was served without a row that had long been due');
  });

  it('are told of where serving had moved on to a row that was not known at the moment asked about', async () => {
    windowStart = parseIso('2001-03-01T03:00:00Z');
    await serve();
    const { alerts, lines } = await check();
    windowStart = ASKED + 12 * MICROS_PER_HOUR;
    expect(lines).toEqual([
      'features of 3 sampled predictions recomputed: 0 as history has them, 18 before they were known',
    ]);
    expect(alerts.map(({ severity }) => severity)).toEqual(Array.from({ length: FEATURES_OF_TWO_VIEWS }, () => 'info'));
    const [first] = alerts.filter(({ explanation }) => explanation.startsWith('origin_traffic__volume_7d'));
    expect(first?.explanation).toMatch(
      /^origin_traffic__volume_7d of \["ORD"\] at 2001-03-01T03:30:00.000Z was read from a row that was not known then: served missing \(row of 2001-03-01T06:00:00.000Z, known 2001-03-01T06:00:00.000Z\), recomputed \d+ \(row of 2001-02-28T06:00:00.000Z, known 2001-02-28T06:00:00.000Z\); prediction \w+, 3 such in the window$/,
    );
  });

  it('are left alone where the caller sent them himself, and where nothing is sampled', async () => {
    await serve({ origin_traffic__late_rate_7d: [0.1, 0.2, 0.3] });
    await serve({}, 0);
    expect((await check()).lines).toEqual(['features of 3 sampled predictions recomputed: 15 as history has them']);
  });
});
