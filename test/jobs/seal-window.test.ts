import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { putJson } from '../../store/contracts/json-artifacts.js';
import { sealWindow, type SealWindowInput, type SealWindowResult } from '../../activities/jobs/seal-window.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { mergeModelProfiles, type ModelProfile } from '../../domain/model-profile.js';
import type { WindowReport } from '../../domain/monitoring.js';
import { MonitorSpec } from '../../domain/monitors.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { profileNumbers, profileTexts } from '../../ml/profile/profile-values.js';
import { bucketOf, type LoggedRow } from './prediction-rows.js';
import { type JobBench, openJobBench } from './training-fixture.js';

const FLOAT = { type: 'float' } as const;
/** Quarters of [0, 1] and halves of the distances, 25 rows in each quarter. */
const PROFILE: ModelProfile = {
  inputs: {
    rows: 100,
    firstEventTs: 0,
    lastEventTs: 1,
    ingestLag: null,
    columns: [
      profileNumbers({ name: 'distance', ...FLOAT }, evenly(100, 1_000), {
        edges: [500],
        grid: null,
        categories: null,
      }),
      profileTexts(
        'origin',
        evenly(100, 1).map((share) => (share > 0.5 ? 'ATL' : 'ORD')),
      ),
    ],
  },
  prediction: profileNumbers({ name: 'prediction', ...FLOAT }, evenly(100, 1), {
    edges: [0.25, 0.5, 0.75],
    grid: null,
    categories: null,
  }),
};

function evenly(rows: number, to: number): number[] {
  return Array.from({ length: rows }, (_unused, row) => ((row + 1) * to) / rows);
}

const CALIBRATION = MonitorSpec.parse({
  endpoint: 'flight-delay',
  window: '1d',
  metric: 'calibration_gap',
  over: 7,
  effect: { min: 0.02 },
  minRows: 4,
  after: '2 of 3',
  severity: 'page',
  action: 'retrain',
});

interface Day {
  readonly day: number;
  readonly version?: number;
  /** Labelled rows: probability and outcome. */
  readonly rows: readonly (readonly [probability: number, label: 0 | 1])[];
}

/** Four rows whose mean prediction is off by 0.25. */
const OFF = [
  [0.75, 0],
  [0.75, 1],
  [0.75, 1],
  [0.75, 0],
] as const;
/** Four rows without a gap. */
const FINE = [
  [0.5, 1],
  [0.5, 0],
  [0.25, 0],
  [0.75, 1],
] as const;

describe('sealing a window', () => {
  let bench: JobBench;
  let profile: ArtifactRef;

  beforeEach(async () => {
    bench = await openJobBench();
    profile = await putJson(bench.context.artifacts, PROFILE);
  });

  afterEach(async () => {
    await bench.close();
  });

  function inputOf({ day, version = 1, rows }: Day, changes: Partial<SealWindowInput> = {}): SealWindowInput {
    const logged = rows.map(([probability], index): LoggedRow => {
      const id = `${day}/${version}/${index}`;
      const texts = { origin: index < 3 ? 'ORD' : 'SFO' };
      const inputs = { distance: 100 * index };
      return { id, eventTs: day * MICROS_PER_DAY + index, version, probability, inputs, texts };
    });
    return {
      endpoint: 'flight-delay',
      model: 'flight-delay',
      windowStart: day * MICROS_PER_DAY,
      windowEnd: (day + 1) * MICROS_PER_DAY,
      muted: false,
      sealedTs: 1,
      buckets: logged.length === 0 ? [] : [bucketOf(logged, { routeRev: 1 })],
      labels: new Map(rows.map(([, label], index) => [`${day}/${version}/${index}`, label])),
      champion: 1,
      profiles: new Map([
        [1, profile],
        [2, profile],
      ]),
      monitors: [{ name: 'calibration', spec: CALIBRATION }],
      history: [],
      standing: [],
      ...changes,
    };
  }

  /** Seals days one after the other, each with the reports of the earlier ones as history. */
  async function sealDays(days: readonly Day[], changes: Partial<SealWindowInput> = {}): Promise<SealWindowResult[]> {
    const results: SealWindowResult[] = [];
    for (const day of days) {
      const history = results.flatMap(({ reports }) => reports);
      results.push(await sealWindow(inputOf(day, { history, ...changes }), bench.context));
    }
    return results;
  }

  it('measures a version by hand-computed numbers', async () => {
    const { reports } = await sealWindow(inputOf({ day: 0, rows: OFF }), bench.context);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({ version: 1, revision: 1, primary: true });
    // Decisions all 1: 2 of 4 right, both positives found. All scores tie, so AUC is 1/2. Gap (3 − 2)/4.
    // Log loss: (−2 ln .25 − 2 ln .75)/4 = .836988. Distances 0…300 all lie in the lower of two bins.
    expect(reports[0]?.metrics).toMatchObject({
      rows: 4,
      labelled: 4,
      sumPrediction: 3,
      sumOutcome: 2,
      accuracy: 0.5,
      precision: 0.5,
      recall: 1,
      rocAuc: 0.5,
      calibrationGap: 0.25,
      latencyP50Ms: 1,
      latencyP99Ms: 1,
      errorRate: 0,
    });
    expect(reports[0]?.metrics.logLoss).toBeCloseTo(0.836988, 6);
    expect(reports[0]?.prediction).toMatchObject({
      histogram: { edges: [0.25, 0.5, 0.75], counts: [0, 0, 4, 0] },
      nulls: 0,
      min: 0.75,
      max: 0.75,
      distinct: 1,
    });
    // Jeffreys shares: reference 50.5/101 twice, current 4.5/5 and .5/5: (.5 − .9)·ln(.5/.9) + (.5 − .1)·ln(.5/.1).
    expect(reports[0]?.metrics.psiInputs['distance']).toBeCloseTo(0.4 * Math.log(9), 10);
  });

  it('profiles what was served in the frames of the reference, so that days add up to the rows of both', async () => {
    const days = [inputOf({ day: 0, rows: OFF }), inputOf({ day: 1, rows: FINE })];
    const sealed = await Promise.all(days.map((day) => sealWindow(day, bench.context)));
    const [first, second] = sealed.map(({ profiles }) => profiles[0]?.profile);
    if (first === undefined || second === undefined) throw new Error('two profiles');
    const both = { ...inputOf({ day: 0, rows: [] }), windowEnd: 2 * MICROS_PER_DAY };
    const labels = new Map(days.flatMap((day) => [...day.labels]));
    const whole = await sealWindow({ ...both, labels, buckets: days.flatMap(({ buckets }) => buckets) }, bench.context);
    const merged = mergeModelProfiles(first, second);
    expect(merged).toEqual(whole.profiles[0]?.profile);
    expect(merged.prediction.histogram?.counts).toEqual([1, 2, 5, 0]);
    expect(merged.inputs).toMatchObject({ rows: 8, firstEventTs: 0, lastEventTs: MICROS_PER_DAY + 3 });
    // Two days of the distances 0, 100, 200 and 300.
    expect(merged.inputs.columns[0]).toMatchObject({ name: 'distance', mean: 150, m2: 100_000, nulls: 0 });
    // Three of four origins each day are known to the reference, one is not.
    expect(merged.inputs.columns[1]?.categories).toEqual({
      values: [
        { value: 'ORD', count: 6 },
        { value: 'ATL', count: 0 },
      ],
      other: 2,
      frozen: true,
    });
    // Logged with the last row of a bucket, 0 to 3 microseconds after the event.
    expect(merged.inputs.ingestLag?.counts.slice(0, 2)).toEqual([2, 6]);
  });

  it('leaves scores empty without labels, and counts failures', async () => {
    const rows: LoggedRow[] = [
      { id: 'a', eventTs: 0, version: 1, probability: 0.9, latencyMs: 3 },
      { id: 'b', eventTs: 1, version: 1, probability: Number.NaN, error: 1 },
      { id: 'c', eventTs: 2, version: 0, probability: Number.NaN, error: 1 },
      { id: 'next window', eventTs: MICROS_PER_DAY, version: 1, probability: 0.9 },
    ];
    const buckets = [bucketOf(rows, { routeRev: 1 })];
    const { reports } = await sealWindow(inputOf({ day: 0, rows: [] }, { buckets }), bench.context);
    expect(reports[0]?.metrics).toMatchObject({ rows: 3, labelled: 0, rocAuc: null, logLoss: null, accuracy: null });
    expect(reports[0]?.metrics.errorRate).toBeCloseTo(2 / 3, 12);
    expect(reports[0]?.monitors[0]).toMatchObject({ state: 'insufficient_data', firing: false });
  });

  it('reports every version with traffic and judges the one with most rows', async () => {
    const main = inputOf({ day: 0, version: 2, rows: OFF });
    const canary = inputOf({ day: 0, version: 1, rows: FINE.slice(0, 1) });
    const { reports } = await sealWindow({ ...main, buckets: [...canary.buckets, ...main.buckets] }, bench.context);
    expect(reports.map(({ version, primary, monitors }) => [version, primary, monitors.length])).toEqual([
      [2, true, 1],
      [1, false, 0],
    ]);
  });

  it('reports an empty window for the champion, and nothing where there is none', async () => {
    const { reports } = await sealWindow(inputOf({ day: 0, rows: [] }), bench.context);
    expect(reports[0]).toMatchObject({ version: 1, metrics: { rows: 0, psiPrediction: null, errorRate: null } });
    const none = await sealWindow(inputOf({ day: 0, rows: [] }, { champion: null }), bench.context);
    expect(none).toEqual({ reports: [], changed: [], profiles: [], alerts: [] });
  });

  it('raises one alert when the monitor begins to fire, not while it goes on', async () => {
    const results = await sealDays([0, 1, 2, 3].map((day) => ({ day, rows: OFF })));
    // "2 of 3": the second breach fires, the third and fourth keep firing.
    expect(results.map(({ reports }) => reports[0]?.monitors[0]?.firing)).toEqual([false, true, true, true]);
    expect(results.map(({ alerts }) => alerts.length)).toEqual([0, 1, 0, 0]);
    expect(results[1]?.alerts[0]).toMatchObject({
      version: 1,
      monitor: 'calibration',
      severity: 'page',
      action: 'retrain',
      windowEnd: 2 * MICROS_PER_DAY,
      windowRevision: 1,
      effect: 0.25,
      outcome: 'nothing yet',
    });
    expect(results[1]?.alerts[0]?.alertId).toMatch(/^[0-9a-f]{20}$/);
  });

  it('raises another alert when it fires again after it had stopped', async () => {
    const brief = { name: 'calibration', spec: { ...CALIBRATION, over: 1 } };
    const pattern = [OFF, OFF, FINE, FINE, OFF, OFF];
    const days = pattern.map((rows, day) => ({ day, rows }));
    const results = await sealDays(days, { monitors: [brief] });
    expect(results.map(({ alerts }) => alerts.length)).toEqual([0, 1, 0, 0, 0, 1]);
  });

  it('starts without history for a new champion', async () => {
    const [first, second] = await sealDays([
      { day: 0, version: 1, rows: OFF },
      { day: 1, version: 2, rows: OFF },
    ]);
    expect(first?.reports[0]?.monitors[0]?.state).toBe('breach');
    expect(second?.reports[0]?.monitors[0]).toMatchObject({ state: 'breach', rows: 4, firing: false });
  });

  it('merges only the windows a monitor looks over', async () => {
    const two = { name: 'calibration', spec: { ...CALIBRATION, over: 2 } };
    const results = await sealDays(
      [OFF, FINE, FINE].map((rows, day) => ({ day, rows })),
      { monitors: [two] },
    );
    // Gap over days 0 and 1: 1 / 8. Over days 1 and 2: 0.
    expect(results.map(({ reports }) => reports[0]?.monitors[0]?.value)).toEqual([0.25, 0.125, 0]);
  });

  it('changes nothing when it is repeated, and makes a revision when labels arrived', async () => {
    const input = inputOf({ day: 0, rows: FINE });
    const late = new Map([...input.labels].slice(0, 3));
    const first = await sealWindow({ ...input, labels: late }, bench.context);
    const again = await sealWindow({ ...input, labels: late, standing: first.reports }, bench.context);
    expect(again).toEqual({ reports: first.reports, changed: [], profiles: [], alerts: [] });
    const revised = await sealWindow({ ...input, standing: first.reports }, bench.context);
    expect(revised.changed).toEqual(revised.reports);
    expect(revised.reports[0]).toMatchObject({ revision: 2, metrics: { labelled: 4 } });
  });

  it('does not raise an alert again for a revision of a window that was firing', async () => {
    const [first] = await sealDays([{ day: 0, rows: OFF }]);
    const input = inputOf({ day: 1, rows: OFF }, { history: first?.reports ?? [] });
    const fired = await sealWindow({ ...input, labels: new Map([...input.labels].slice(0, 2)) }, bench.context);
    const before: WindowReport[] = fired.reports.map((report) => ({
      ...report,
      monitors: report.monitors.map((result) => ({ ...result, firing: true })),
    }));
    const revised = await sealWindow({ ...input, standing: before }, bench.context);
    expect(revised.reports[0]).toMatchObject({ revision: 2, monitors: [{ firing: true }] });
    expect(revised.alerts).toEqual([]);
  });

  it('keeps an alert but asks for nothing while the watch is muted', async () => {
    const results = await sealDays(
      [0, 1].map((day) => ({ day, rows: OFF })),
      { muted: true },
    );
    expect(results[1]?.alerts[0]).toMatchObject({ action: 'none', outcome: 'muted' });
  });

  it('judges shifts of predictions on merged histograms, scores by weighted means, and traffic from below', async () => {
    const monitor = (name: string, changes: Partial<MonitorSpec>) => ({
      name,
      spec: { ...CALIBRATION, over: 2, after: '1 of 1', ...changes },
    });
    const monitors = [
      monitor('psi', { metric: 'psi_prediction', effect: { min: 0.1 } }),
      monitor('accuracy', { metric: 'accuracy', effect: { min: 0.4 } }),
      monitor('traffic', { metric: 'traffic', effect: { min: 10 }, minRows: 100 }),
      monitor('distance', { metric: 'psi_feature', feature: 'distance', effect: { min: 0.5 } }),
    ];
    const [, second] = await sealDays(
      [
        { day: 0, rows: OFF },
        { day: 1, rows: FINE.slice(0, 2) },
      ],
      { monitors },
    );
    const results = second?.reports[0]?.monitors ?? [];
    // Merged counts [0, 2, 4, 0] of 6 rows; Jeffreys shares (c + ½)/8 against 25.5/102 = ¼ each:
    // 2·(.25 − .0625)·ln 4 + (.25 − .3125)·ln .8 + (.25 − .5625)·ln(.25/.5625) = .787223.
    expect(results[0]?.value).toBeCloseTo(0.787223, 5);
    // Accuracy .5 of 4 rows and .5 of 2 rows (0.5 decides 1: one of two right).
    expect(results[1]).toMatchObject({ value: 0.5, rows: 6, state: 'breach' });
    expect(results[2]).toMatchObject({ value: 6, state: 'breach' });
    expect(results[3]?.state).toBe('breach');
  });
});
