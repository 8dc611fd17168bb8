/** Seals windows: gathers rows, labels and history, has the numbers computed, keeps reports and alerts. */
import type { ArtifactRef } from '../domain/artifact.js';
import { durationMicros } from '../domain/duration.js';
import { DomainError } from '../domain/errors.js';
import type { Alert, MonitorResult, WindowReport } from '../domain/monitoring.js';
import { type MonitorSpec, parseAfter } from '../domain/monitors.js';
import { micros, toIso } from '../domain/time.js';
import type { Stores } from '../store/contracts/index.js';
import type { AlertSummary, MonitoringComputeActivities, SealedWindow } from '../workflows/contracts/monitoring.js';
import type { RunJob } from './jobs/index.js';
import type { WatchedMonitor } from './jobs/seal-window.js';
import { labelsOf } from './labels.js';
import { modelOfEndpoint } from './monitoring.js';
import type { Clock } from './ports.js';
import { requireEndpoint } from './rollout.js';

export interface MonitoringComputeDependencies {
  readonly stores: Stores;
  readonly runJob: RunJob;
  readonly now: Clock;
}

/** Debounce looks past windows without data, but not further back than this many times its own length. */
const DEBOUNCE_REACH = 3;

interface Window {
  readonly endpoint: string;
  readonly windowStart: number;
  readonly windowEnd: number;
}

/** How many windows back late labels still lead to a new revision. */
const LATE_WINDOWS = 7;

export function createMonitoringComputeActivities({ stores, runJob, now }: MonitoringComputeDependencies) {
  const { monitoring, predictions, registry } = stores;

  return {
    async sealWindow({ endpoint, windowStart, windowEnd, muted }) {
      const window = { endpoint, windowStart, windowEnd };
      const late: AlertSummary[] = [];
      // Oldest first: what a late label changes in one window may change the verdict on the next.
      for (const dirty of await dirtyWindows(window)) late.push(...(await seal(dirty, muted)).alerts);
      const sealed = await seal(window, muted);
      return { ...sealed, alerts: [...late, ...sealed.alerts] };
    },
  } satisfies MonitoringComputeActivities;

  async function seal(window: Window, muted: boolean): Promise<SealedWindow> {
    const { endpoint, windowStart, windowEnd } = window;
    const model = await modelName(endpoint);
    if (model === null) return { alerts: [], lines: ['no model is served here yet'], rows: 0 };
    const buckets = await predictions.buckets({ endpoint, from: windowStart, to: windowEnd });
    // A replay posts labels now for times long past: labels count as they were posted, under either clock.
    const labels = await labelsOf(predictions, buckets, Math.max(now(), windowEnd));
    const champion = (await registry.champion(model))?.version ?? null;
    const answered = new Set(buckets.flatMap(({ version }) => [...version]));
    const monitors = await dueMonitors(window);
    const { reports, changed, profiles, alerts } = await runJob('sealWindow', {
      ...window,
      model,
      muted,
      sealedTs: now(),
      buckets,
      labels,
      champion,
      profiles: await profilesOf(model, [...answered, ...(champion === null ? [] : [champion])]),
      monitors,
      history: await history(window, monitors),
      standing: await monitoring.reports({ endpoint, from: windowEnd - 1, to: windowEnd }),
    });
    // Reports last: a crash before them leads to the same revision and the same alert ids again.
    for (const alert of alerts) await monitoring.saveAlert(alert);
    await monitoring.saveProfiles(profiles);
    await monitoring.saveReports(changed);
    return {
      alerts: (await alertsOf(window, reports)).map(summaryOf),
      lines: reports.flatMap(linesOf),
      rows: reports.reduce((sum, { metrics }) => sum + metrics.rows, 0),
    };
  }

  /** Recently sealed windows whose rows have more labels by now than their reports say. */
  async function dirtyWindows({ endpoint, windowStart, windowEnd }: Window): Promise<Window[]> {
    const length = windowEnd - windowStart;
    const earlier = await monitoring.reports({ endpoint, from: windowStart - LATE_WINDOWS * length, to: windowStart });
    const dirty: Window[] = [];
    for (const end of new Set(earlier.map((report) => report.windowEnd))) {
      const window = { endpoint, windowStart: end - length, windowEnd: end };
      const reported = earlier
        .filter((report) => report.windowEnd === end)
        .reduce((sum, { metrics }) => sum + metrics.labelled, 0);
      if ((await labelledRows(window)) > reported) dirty.push(window);
    }
    return dirty;
  }

  async function labelledRows({ endpoint, windowStart, windowEnd }: Window): Promise<number> {
    const buckets = await predictions.buckets({ endpoint, from: windowStart, to: windowEnd });
    const labels = await labelsOf(predictions, buckets, Math.max(now(), windowEnd));
    const isInside = (time: number | undefined): boolean =>
      time !== undefined && time >= windowStart && time < windowEnd;
    return buckets.reduce(
      (sum, { predictionIds, eventTs, error }) =>
        sum + predictionIds.filter((id, row) => error[row] === 0 && isInside(eventTs[row]) && labels.has(id)).length,
      0,
    );
  }

  async function profilesOf(model: string, versions: readonly number[]): Promise<Map<number, ArtifactRef>> {
    const profiles = new Map<number, ArtifactRef>();
    for (const version of new Set(versions)) {
      if (version === 0) continue;
      const found = await registry.version(model, version);
      if (found === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
      profiles.set(version, found.bundle.referenceProfile);
    }
    return profiles;
  }

  /**
   * The endpoint's monitors that are due at this window's end. Windows are as long as the shortest monitor's; one with
   * longer windows is judged at each multiple of its own length, over as many sealed windows as that holds.
   */
  async function dueMonitors({ endpoint, windowStart, windowEnd }: Window): Promise<WatchedMonitor[]> {
    const length = windowEnd - windowStart;
    const stored = await stores.resources.list('Monitor');
    return stored.flatMap(({ resource }) => {
      if (resource.kind !== 'Monitor' || resource.spec.endpoint !== endpoint) return [];
      const own = durationMicros(resource.spec.window);
      if (windowEnd % own !== 0 && own !== length) return [];
      const over = Math.ceil((resource.spec.over * own) / length);
      return [{ name: resource.metadata.name, spec: { ...resource.spec, over } }];
    });
  }

  async function history(window: Window, monitors: readonly WatchedMonitor[]): Promise<WindowReport[]> {
    const { endpoint, windowStart, windowEnd } = window;
    const length = windowEnd - windowStart;
    const reach = Math.max(1, ...monitors.map(({ spec }) => reachOf(spec, length)));
    return monitoring.reports({ endpoint, from: windowStart - reach * length, to: windowStart });
  }

  /** Alerts that were raised with exactly the reports that stand: also those of a first attempt whose answer was lost. */
  async function alertsOf({ endpoint, windowEnd }: Window, reports: readonly WindowReport[]): Promise<Alert[]> {
    const stored = await monitoring.alerts({ endpoint });
    return stored.filter((alert) => {
      const standing = reports.find(({ version }) => version === alert.version);
      return alert.windowEnd === windowEnd && alert.windowRevision === standing?.revision;
    });
  }

  async function modelName(endpoint: string): Promise<string | null> {
    const resource = await modelOfEndpoint(stores, endpoint);
    return resource?.metadata.name ?? (await requireEndpoint(stores, endpoint)).routes.model;
  }
}

function reachOf(spec: MonitorSpec, length: number): number {
  const { n } = parseAfter(spec.after);
  return Math.max(spec.over, DEBOUNCE_REACH * n * Math.ceil(durationMicros(spec.window) / length));
}

function summaryOf({ alertId, monitor, severity, action, explanation }: Alert): AlertSummary {
  return { alertId, monitor, severity, action, explanation };
}

function linesOf({ version, windowStart, revision, metrics, monitors }: WindowReport): string[] {
  const numbers = [
    `${metrics.rows} rows`,
    `${metrics.labelled} labelled`,
    ...numberText('AUC', metrics.rocAuc),
    ...numberText('log loss', metrics.logLoss),
    ...numberText('RMSE', metrics.rmse),
    ...numberText('calibration gap', metrics.calibrationGap),
    ...numberText('prediction PSI', metrics.psiPrediction),
  ];
  const repeated = revision === 1 ? '' : ` (revision ${revision})`;
  const head = `${toIso(micros(windowStart)).slice(0, 16)}Z version ${version}${repeated}: ${numbers.join(', ')}`;
  return [head, ...monitors.map(monitorLine)];
}

function monitorLine({ monitor, state, firing, explanation }: MonitorResult): string {
  return `${monitor}: ${firing ? 'FIRING' : state.replaceAll('_', ' ')} — ${explanation}`;
}

function numberText(name: string, value: number | null): string[] {
  return value === null ? [] : [`${name} ${value.toFixed(3)}`];
}
