/** CPU body of a closed window: a report for each version with traffic, and the monitors judged on the primary one. */
import type { ArtifactRef } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import { naturalKeyId } from '../../domain/ids.js';
import { ModelProfile } from '../../domain/model-profile.js';
import type { Alert, MonitorResult, WindowProfile, WindowReport } from '../../domain/monitoring.js';
import { debounce, judgeWindow, type MonitorSpec, parseAfter } from '../../domain/monitors.js';
import type { Outcome, PredictionBucket } from '../../domain/prediction.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext } from './context.js';
import { measure } from './monitor-measurement.js';
import { summariseVersion } from './window-metrics.js';
import { emptyRows, rowsByVersion } from './window-rows.js';

export interface WatchedMonitor {
  readonly name: string;
  readonly spec: MonitorSpec;
}

export interface SealWindowInput {
  readonly endpoint: string;
  readonly model: string;
  readonly windowStart: number;
  readonly windowEnd: number;
  /** Alerts are kept, but nothing is done about them. */
  readonly muted: boolean;
  readonly sealedTs: number;
  readonly buckets: readonly PredictionBucket[];
  readonly labels: ReadonlyMap<string, Outcome>;
  /** Version that an empty window is reported for; null without a champion. */
  readonly champion: number | null;
  /** Reference profile artefact of every version that can occur. */
  readonly profiles: ReadonlyMap<number, ArtifactRef>;
  readonly monitors: readonly WatchedMonitor[];
  /** Newest reports of earlier windows, in order of time. */
  readonly history: readonly WindowReport[];
  /** Newest reports of this very window, from an earlier sealing. */
  readonly standing: readonly WindowReport[];
}

export interface SealWindowResult {
  /** The reports that stand now, the primary one first. */
  readonly reports: readonly WindowReport[];
  /** Those of them that are new and have to be kept. */
  readonly changed: readonly WindowReport[];
  /** Of the changed reports. */
  readonly profiles: readonly WindowProfile[];
  readonly alerts: readonly Alert[];
}

/**
 * Monitors judge the version with most rows, over its own windows only: a new champion starts without history, so that
 * breaches of its predecessor never count against it. A repeat with the same rows and labels changes nothing; other
 * rows or labels give revision k + 1. An alert is raised once, when a monitor begins to fire.
 */
export async function sealWindow(input: SealWindowInput, context: JobContext): Promise<SealWindowResult> {
  const byVersion = rowsByVersion(input);
  if (byVersion.length === 0 && input.champion !== null) byVersion.push(emptyRows(input.champion, 'binary'));
  const [reports, changed]: [WindowReport[], WindowReport[]] = [[], []];
  const [profiles, alerts]: [WindowProfile[], Alert[]] = [[], []];
  for (const [rank, rows] of byVersion.entries()) {
    context.signal.throwIfAborted();
    const profileRef = input.profiles.get(rows.version);
    if (profileRef === undefined)
      throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model: input.model, version: rows.version });
    const reference = await getJson(context.artifacts, profileRef, ModelProfile);
    const { metrics, profile } = summariseVersion(rows, reference);
    const fresh = { metrics, prediction: profile.prediction, version: rows.version, primary: rank === 0 };
    const standing = input.standing.find(({ version }) => version === rows.version);
    if (standing !== undefined && isSame(standing, fresh)) {
      reports.push(standing);
      continue;
    }
    const judged = fresh.primary ? judgeMonitors(input, { fresh, reference, standing }) : { results: [], alerts: [] };
    const report = reportOf(input, { ...fresh, standing, monitors: judged.results });
    reports.push(report);
    changed.push(report);
    profiles.push(profileOf(report, profile));
    alerts.push(...judged.alerts);
    context.progress({ message: `version ${rows.version}: ${report.metrics.rows} rows` });
  }
  return { reports, changed, profiles, alerts };
}

type FreshWindow = Pick<WindowReport, 'metrics' | 'prediction' | 'version' | 'primary'>;

/** The same rows with the same labels, judged in the same role. */
function isSame(standing: WindowReport, fresh: FreshWindow): boolean {
  const unchanged = (['rows', 'labelled', 'sumPrediction', 'sumOutcome', 'errorRate'] as const).every(
    (number) => standing.metrics[number] === fresh.metrics[number],
  );
  return unchanged && standing.primary === fresh.primary;
}

function reportOf(
  input: SealWindowInput,
  fresh: FreshWindow & { standing: WindowReport | undefined; monitors: MonitorResult[] },
): WindowReport {
  const { endpoint, model, windowStart, windowEnd, sealedTs } = input;
  const { standing, metrics, prediction, version, primary, monitors } = fresh;
  const revision = (standing?.revision ?? 0) + 1;
  return {
    endpoint,
    model,
    version,
    windowStart,
    windowEnd,
    revision,
    primary,
    metrics,
    prediction,
    monitors,
    sealedTs,
  };
}

function profileOf(report: WindowReport, profile: ModelProfile): WindowProfile {
  const { endpoint, version, windowStart, windowEnd, revision } = report;
  return { endpoint, version, windowStart, windowEnd, revision, profile };
}

function judgeMonitors(
  input: SealWindowInput,
  now: { fresh: FreshWindow; reference: ModelProfile; standing: WindowReport | undefined },
): { results: MonitorResult[]; alerts: Alert[] } {
  const { fresh, reference, standing } = now;
  const lengthMicros = input.windowEnd - input.windowStart;
  const own = input.history.filter(({ version }) => version === fresh.version);
  const results: MonitorResult[] = [];
  const alerts: Alert[] = [];
  for (const { name, spec } of input.monitors) {
    const oldest = input.windowEnd - spec.over * lengthMicros;
    const measurement = measure(spec, [...own.filter(({ windowEnd }) => windowEnd > oldest), fresh], reference);
    const verdict = judgeWindow(spec, measurement);
    const earlier = own.flatMap(({ monitors }) => monitors.filter(({ monitor }) => monitor === name));
    const firing = debounce([...earlier.map(({ state }) => state), verdict.state], parseAfter(spec.after));
    const { value, statistic, pValue, rows } = measurement;
    const { state, explanation } = verdict;
    results.push({ monitor: name, metric: spec.metric, state, value, statistic, pValue, rows, firing, explanation });
    const firedBefore =
      earlier.at(-1)?.firing === true ||
      standing?.monitors.some((result) => result.monitor === name && result.firing) === true;
    if (firing && !firedBefore) {
      const found = { name, spec, effect: verdict.effect ?? 0, statistic, explanation };
      alerts.push(alertOf(input, { ...found, version: fresh.version, revision: (standing?.revision ?? 0) + 1 }));
    }
  }
  return { results, alerts };
}

function alertOf(
  input: SealWindowInput,
  found: WatchedMonitor & {
    effect: number;
    statistic: number | null;
    explanation: string;
    version: number;
    revision: number;
  },
): Alert {
  const { endpoint, model, windowEnd, muted, sealedTs } = input;
  const { name, spec, effect, statistic, explanation, version, revision } = found;
  return {
    alertId: naturalKeyId(sha256Hex, ['alert', endpoint, name, version, windowEnd, revision]),
    endpoint,
    model,
    version,
    monitor: name,
    metric: spec.metric,
    severity: spec.severity,
    windowEnd,
    windowRevision: revision,
    effect,
    statistic,
    explanation,
    action: muted ? 'none' : spec.action,
    outcome: muted ? 'muted' : 'nothing yet',
    raisedTs: sealedTs,
    acknowledgedBy: null,
  };
}
