import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoggedRows } from '../../serving/prediction-columns.js';
import { openPredictionLog, type PredictionLog } from '../../serving/prediction-log.js';
import type { PredictionStore } from '../../store/contracts/predictions.js';
import { DEPARTED, ENDPOINT, openServingWorld, type ServingWorld, until } from './serving-fixture.js';

let world: ServingWorld;

beforeEach(async () => {
  world = await openServingWorld();
});

afterEach(async () => {
  await world.close();
});

let ids = 0;
const CLASSES: readonly string[] = [];

function rowsOf(count: number, change: { eventTs?: number; routeRev?: number; endpoint?: string } = {}): LoggedRows {
  const { eventTs = DEPARTED, routeRev = 1, endpoint = ENDPOINT } = change;
  return {
    endpoint,
    model: 'flight-delay',
    routeRev,
    predictionIds: Array.from({ length: count }, () => `p${(ids += 1)}`),
    eventTs: new Float64Array(count).fill(eventTs),
    version: new Int32Array(count).fill(1),
    task: 'binary',
    classes: CLASSES,
    scores: new Float32Array(count).fill(0.5),
    decision: new Uint16Array(count),
    latencyMs: new Float32Array(count).fill(1),
    error: new Uint8Array(count),
    shadow: {},
    inputs: { distance: Float32Array.from({ length: count }, (_unused, row) => row) },
  };
}

function append(log: PredictionLog, rows: LoggedRows): void {
  log.append(log.reserve(rows.endpoint, rows.eventTs[0] ?? 0), rows);
}

/** The real store behind a gate: writes wait, or fail, until it is opened. */
function gated(store: PredictionStore) {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const state = { failing: 0, waiting: 0, greatestWaiting: 0 };
  return {
    state,
    open: () => open(),
    insertBuckets: async (buckets: Parameters<PredictionStore['insertBuckets']>[0]): Promise<void> => {
      if (state.failing > 0) {
        state.failing -= 1;
        throw new Error('the store refuses');
      }
      state.waiting += 1;
      state.greatestWaiting = Math.max(state.greatestWaiting, state.waiting);
      await opened;
      state.waiting -= 1;
      await store.insertBuckets(buckets);
    },
  };
}

const FACTS = { instanceId: 'instance-1', now: () => DEPARTED, flushMs: 20, retryMs: 20 };

describe('a prediction log', () => {
  it('writes rows in order, in buckets of at most 500 of one endpoint and route revision', async () => {
    const log = openPredictionLog({ ...FACTS, store: world.stores.predictions });
    append(log, rowsOf(1_234));
    append(log, rowsOf(10, { routeRev: 2 }));
    append(log, rowsOf(7, { endpoint: 'other' }));
    await log.close();
    const buckets = await world.logged();
    const sizes = buckets.map(({ predictionIds, routeRev }) => `rev ${routeRev}: ${predictionIds.length}`);
    expect(sizes.sort()).toEqual(['rev 1: 234', 'rev 1: 500', 'rev 1: 500', 'rev 2: 10']);
    const distances = buckets
      .filter(({ routeRev }) => routeRev === 1)
      .flatMap(({ inputs }) => [...(inputs['distance'] ?? [])])
      .sort((left, right) => left - right);
    expect(distances).toEqual(Array.from({ length: 1_234 }, (_unused, row) => row));
    expect(await world.stores.predictions.count('other')).toBe(7);
    expect(log.counters()).toEqual({ logged: 1_251, dropped: 0, failed: 0, queued: 0 });
  });

  it('keeps texts cut to what profiles compare, and of 16 inputs at most', async () => {
    const log = openPredictionLog({ ...FACTS, store: world.stores.predictions });
    append(log, rowsOf(1));
    append(log, { ...rowsOf(1), texts: { origin: ['é'.repeat(100_000)], carrier: ['UA'] } });
    append(log, {
      ...rowsOf(1),
      texts: Object.fromEntries(Array.from({ length: 20 }, (_u, at) => [`text${at}`, ['x']])),
    });
    await log.close();
    const [bucket] = await world.logged();
    expect(Object.keys(bucket?.texts ?? {})).toHaveLength(16);
    expect(bucket?.texts).toMatchObject({
      origin: ['', 'é'.repeat(256), ''],
      carrier: ['', 'UA', ''],
      text13: ['', '', 'x'],
    });
  });

  it('reads NaN where rows of one bucket lack a column', async () => {
    const log = openPredictionLog({ ...FACTS, store: world.stores.predictions });
    append(log, rowsOf(1));
    append(log, { ...rowsOf(1), inputs: {}, shadow: { '2': Float32Array.of(0.25) } });
    await log.close();
    const [bucket] = await world.logged();
    expect([bucket?.inputs['distance'], bucket?.shadow['2']]).toEqual([
      Float32Array.of(0, Number.NaN),
      Float32Array.of(Number.NaN, 0.25),
    ]);
  });

  it('stays bounded while the store stalls, keeps two writes in flight, and counts what it drops', async () => {
    const store = gated(world.stores.predictions);
    const log = openPredictionLog({ ...FACTS, store, maxQueuedRows: 10_000 });
    for (let request = 0; request < 300; request += 1) append(log, rowsOf(100));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(log.counters()).toEqual({ logged: 0, dropped: 20_000, failed: 0, queued: 10_000 });
    expect(store.state.greatestWaiting).toBe(2);

    store.open();
    await until(
      () => log.counters(),
      ({ queued }) => queued === 0,
    );
    append(log, rowsOf(1));
    await log.close();
    expect(log.counters()).toMatchObject({ logged: 10_001, dropped: 20_000 });
    expect(await world.stores.predictions.count(ENDPOINT)).toBe(10_001);
  });

  it('writes once what it had to try several times', async () => {
    const store = gated(world.stores.predictions);
    store.state.failing = 3;
    store.open();
    const log = openPredictionLog({ ...FACTS, store });
    append(log, rowsOf(5));
    await until(
      () => log.counters(),
      ({ logged }) => logged === 5,
    );
    await log.close();
    expect(log.counters()).toEqual({ logged: 5, dropped: 0, failed: 3, queued: 0 });
    expect(await world.stores.predictions.count(ENDPOINT)).toBe(5);
  });

  it('holds the watermark at the oldest row that is answered and not yet written', async () => {
    const store = gated(world.stores.predictions);
    const log = openPredictionLog({ ...FACTS, store });
    expect(log.unflushed()).toEqual({});
    const running = log.reserve(ENDPOINT, 30);
    append(log, rowsOf(1, { eventTs: 20 }));
    append(log, rowsOf(1, { eventTs: 50, endpoint: 'other' }));
    expect(log.unflushed()).toEqual({ [ENDPOINT]: 20, other: 50 });
    await until(
      () => store.state.waiting,
      (waiting) => waiting === 1,
    );
    append(log, rowsOf(1, { eventTs: 10 }));
    expect(log.unflushed()).toEqual({ [ENDPOINT]: 10, other: 50 });
    store.open();
    await until(
      () => log.unflushed(),
      (lowest) => !('other' in lowest) && lowest[ENDPOINT] === 30,
    );
    log.append(running, rowsOf(1, { eventTs: 30 }));
    await log.close();
    expect(log.unflushed()).toEqual({});
  });

  it('waits on closing for rows that are still being shadowed, and gives up in time what cannot be written', async () => {
    const store = gated(world.stores.predictions);
    const log = openPredictionLog({ ...FACTS, store, closeTimeoutMs: 200 });
    const running = log.reserve(ENDPOINT, 1);
    setTimeout(() => log.append(running, rowsOf(3)), 50);
    const startedMs = performance.now();
    await log.close();
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190);
    expect(log.counters()).toMatchObject({ logged: 0, dropped: 3 });
    store.open();
  });
});
