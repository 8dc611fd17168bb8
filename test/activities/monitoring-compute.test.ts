import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMonitoringComputeActivities } from '../../activities/monitoring-compute.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { bucketOf } from '../jobs/prediction-rows.js';
import { type ComputeBench, newVersion, NOW, openComputeBench, RESOURCES } from './compute-fixture.js';

/** 1 March 2001, 00:00 UTC. */
const FIRST_DAY = 983_404_800_000_000;

describe('sealing windows of an endpoint', () => {
  let bench: ComputeBench;

  beforeEach(async () => {
    bench = await openComputeBench();
    for (const resource of Object.values(RESOURCES)) await bench.apply(resource);
    await bench.stores.endpoints.ensure('flight-delay', 'event');
    await bench.stores.registry.registerVersion(await newVersion(bench, 'r1'));
  });

  afterEach(async () => {
    await bench.close();
  });

  function activities() {
    return createMonitoringComputeActivities({ stores: bench.stores, runJob: bench.runJob, now: () => NOW });
  }

  function windowOf(day: number, muted = false) {
    const windowStart = FIRST_DAY + day * MICROS_PER_DAY;
    return { endpoint: 'flight-delay', windowStart, windowEnd: windowStart + MICROS_PER_DAY, muted };
  }

  /** Four rows predicted 0.75, of which one came true, unless said otherwise: gap 0.5. */
  async function logDay(day: number, labels: readonly (0 | 1)[] = [1, 0, 0, 0]): Promise<void> {
    const rows = labels.map((_label, index) => {
      const eventTs = FIRST_DAY + day * MICROS_PER_DAY + index;
      return { id: `${day}-${index}`, eventTs, version: 1, probability: 0.75 };
    });
    await bench.stores.predictions.insertBuckets([bucketOf(rows, { routeRev: 1, loggedTs: NOW })]);
    await label(day, labels);
  }

  async function label(day: number, labels: readonly (0 | 1)[]): Promise<void> {
    const known = labels.map((outcome, index) => {
      return { predictionId: `${day}-${index}`, outcome, knownTs: NOW };
    });
    await bench.stores.predictions.saveGroundTruth('flight-delay', known, NOW);
  }

  it('keeps a report and says in a line what it found', async () => {
    await logDay(0);
    const sealed = await activities().sealWindow(windowOf(0));
    // Log loss (−ln .75 − 3 ln .25)/4 = 1.112; Jeffreys PSI of [0, 4] rows against [50, 50] = .4 ln 9 = .879.
    expect(sealed).toEqual({
      alerts: [],
      lines: [
        '2001-03-01T00:00Z version 1: 4 rows, 4 labelled, AUC 0.500, log loss 1.112, calibration gap 0.500, prediction PSI 0.879',
        'calibration: breach — calibration_gap 0.5000 over 4 rows, limit 0.02',
      ],
      rows: 4,
    });
    const [report] = await bench.stores.monitoring.reports({ endpoint: 'flight-delay' });
    expect(report).toMatchObject({ version: 1, revision: 1, primary: true, sealedTs: NOW });
  });

  it('alerts once, and answers the same when it is asked again', async () => {
    await logDay(0);
    await logDay(1);
    const { sealWindow } = activities();
    await sealWindow(windowOf(0));
    const first = await sealWindow(windowOf(1));
    expect(first.alerts).toHaveLength(1);
    expect(first.alerts[0]).toMatchObject({ monitor: 'calibration', severity: 'page', action: 'retrain' });
    expect(await sealWindow(windowOf(1))).toEqual(first);
    expect(await bench.stores.monitoring.alerts({ endpoint: 'flight-delay' })).toHaveLength(1);
    expect(await bench.stores.monitoring.reports({ endpoint: 'flight-delay' })).toHaveLength(2);
  });

  it('answers with the alert when a crash came between alert and report', async () => {
    await logDay(0);
    await logDay(1);
    const { sealWindow } = activities();
    await sealWindow(windowOf(0));
    const { monitoring } = bench.stores;
    const crashing = createMonitoringComputeActivities({
      stores: {
        ...bench.stores,
        monitoring: { ...monitoring, saveReports: () => Promise.reject(new Error('killed')) },
      },
      runJob: bench.runJob,
      now: () => NOW,
    });
    await expect(crashing.sealWindow(windowOf(1))).rejects.toThrow('killed');
    const repeated = await sealWindow(windowOf(1));
    expect(repeated.alerts).toHaveLength(1);
    expect(await monitoring.alerts({ endpoint: 'flight-delay' })).toHaveLength(1);
  });

  it('writes revision 2 when a label arrived late, without another alert', async () => {
    await logDay(0);
    await logDay(1, [1, 0, 0, 0]);
    const { sealWindow } = activities();
    await sealWindow(windowOf(0));
    await sealWindow(windowOf(1));
    await label(1, [1, 1, 0, 0]);
    const revised = await sealWindow(windowOf(1));
    expect(revised.alerts).toEqual([]);
    expect(revised.lines[0]).toContain('version 1 (revision 2): 4 rows');
    const reports = await bench.stores.monitoring.reports({ endpoint: 'flight-delay' });
    expect(reports.map(({ revision, metrics }) => [revision, metrics.sumOutcome])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(await bench.stores.monitoring.alerts({ endpoint: 'flight-delay' })).toHaveLength(1);
  });

  it('revises an earlier window on its own when a label arrived after it was sealed', async () => {
    const { sealWindow } = activities();
    const rows = [0, 1, 2, 3].map((index) => ({
      id: `0-${index}`,
      eventTs: FIRST_DAY + index,
      version: 1,
      probability: 0.75,
    }));
    await bench.stores.predictions.insertBuckets([bucketOf(rows, { routeRev: 1, loggedTs: NOW })]);
    await label(0, [1, 0]);
    await sealWindow(windowOf(0));
    await label(0, [1, 0, 0, 0]);
    await logDay(1);
    await sealWindow(windowOf(1));
    const reports = await bench.stores.monitoring.reports({ endpoint: 'flight-delay' });
    expect(reports.map(({ revision, metrics }) => [revision, metrics.labelled])).toEqual([
      [2, 4],
      [1, 4],
    ]);
  });

  it('asks for nothing while muted', async () => {
    await logDay(0);
    await logDay(1);
    const { sealWindow } = activities();
    await sealWindow(windowOf(0, true));
    const { alerts } = await sealWindow(windowOf(1, true));
    expect(alerts[0]).toMatchObject({ action: 'none' });
  });

  it('judges a monitor with longer windows only where one of them ends', async () => {
    const twoDays = { ...RESOURCES.calibration.spec, window: '2d', over: 1 };
    await bench.apply({ ...RESOURCES.calibration, metadata: { name: 'two-days' }, spec: twoDays });
    for (const day of [0, 1]) await logDay(day);
    const { sealWindow } = activities();
    await sealWindow(windowOf(0));
    await sealWindow(windowOf(1));
    const reports = await bench.stores.monitoring.reports({ endpoint: 'flight-delay' });
    // 1 March 2001 is day 11 382 since 1970: the first window ends on an odd day, the second on an even one.
    const judged = reports.map(({ monitors }) => monitors.map(({ monitor, rows }) => `${monitor} ${rows}`));
    expect(judged).toEqual([['calibration 4'], ['calibration 8', 'two-days 8']]);
  });

  it('has nothing to report before the endpoint serves a model', async () => {
    await bench.apply({ ...RESOURCES.endpoint, metadata: { name: 'empty' } });
    await bench.stores.endpoints.ensure('empty', 'event');
    expect(await activities().sealWindow({ ...windowOf(0), endpoint: 'empty' })).toEqual({
      alerts: [],
      lines: ['no model is served here yet'],
      rows: 0,
    });
  });
});
