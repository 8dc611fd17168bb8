/** Recomputes sampled feature vectors of a window from history, and raises an alert where serving gave something else. */
import { durationMicros } from '../domain/duration.js';
import { EndpointSpec } from '../domain/endpoint.js';
import type { Sha256Hex } from '../domain/ids.js';
import { naturalKeyId } from '../domain/ids.js';
import type { Alert } from '../domain/monitoring.js';
import type { ServedDifference, ServedVector, ServedVerdict } from '../domain/served-vector.js';
import { micros, toIso } from '../domain/time.js';
import type { Stores } from '../store/contracts/index.js';
import type { AlertSummary, CheckedFeatures, ServedFeatureActivities } from '../workflows/contracts/monitoring.js';
import { standingOf } from '../scoring/feature-history.js';
import type { ViewChunks } from './jobs/build-training-dataset.js';
import type { CheckServedFeaturesResult, ServedVersion } from './jobs/check-served-features.js';
import type { RunJob } from './jobs/index.js';
import { modelOfEndpoint } from './monitoring.js';
import type { Clock } from './ports.js';
import { chunksOfView } from './training-compute.js';
import { requireVersion } from './registry.js';
import { requireEndpoint } from './rollout.js';

export interface ServedFeatureDependencies {
  readonly stores: Stores;
  readonly runJob: RunJob;
  readonly now: Clock;
  readonly sha256Hex: Sha256Hex;
}

interface Window {
  readonly endpoint: string;
  readonly windowStart: number;
  readonly windowEnd: number;
}

/** Alerts of this check are raised under the name of no declared monitor. */
const MONITOR = 'feature-skew';

export function createServedFeatureActivities({ stores, runJob, now, sha256Hex }: ServedFeatureDependencies) {
  return {
    async checkServedFeatures(window) {
      const { endpoint, windowStart, windowEnd } = window;
      const vectors = await stores.predictions.servedVectors({ endpoint, from: windowStart, to: windowEnd });
      if (vectors.length === 0) return { alerts: [], lines: [] };
      const { clock, routes } = await requireEndpoint(stores, endpoint);
      const model = (await modelOfEndpoint(stores, endpoint))?.metadata.name ?? routes.model ?? '';
      const versions = await servedVersions(stores, model, vectors);
      const maxLateMicros = await allowedDelayMicros(stores, endpoint);
      const result = await runJob('checkServedFeatures', { vectors, versions, maxLateMicros });
      // A replay asks about the past of a store that has moved on: what it reads early or late is expected there.
      const told = result.differences.filter(({ verdict }) => verdict === 'different' || clock === 'wall');
      const alerts = firstOfEach(told).map(({ first, count }) =>
        alertOf({
          window,
          model,
          first,
          count,
          id: (key) => naturalKeyId(sha256Hex, key),
          now: now(),
        }),
      );
      for (const alert of alerts) await stores.monitoring.saveAlert(alert);
      return { alerts: alerts.map(summaryOf), lines: [lineOf(vectors.length, result)] } satisfies CheckedFeatures;
    },
  } satisfies ServedFeatureActivities;
}

async function allowedDelayMicros(stores: Stores, endpoint: string): Promise<number> {
  const declared = await stores.resources.get('Endpoint', endpoint);
  const { featureCheck } = declared?.resource.kind === 'Endpoint' ? declared.resource.spec : EndpointSpec.parse({});
  return durationMicros(featureCheck.maxPublicationDelay);
}

/** Chunks of one revision of a view: those that stand, and those whose rows were replaced. */
interface ViewHistory {
  readonly standing: ViewChunks;
  readonly replaced: ViewChunks;
}

async function readViewHistory(
  { features }: Pick<Stores, 'features'>,
  { view, revision }: { readonly view: string; readonly revision: number },
): Promise<ViewHistory> {
  const [state, chunks] = await Promise.all([features.state(view), features.chunks(view, revision)]);
  const standing = standingOf(chunks, { revision, state });
  const seen = new Set(standing.map(({ seq }) => seq));
  return {
    standing: chunksOfView(view, standing),
    replaced: chunksOfView(
      view,
      chunks.filter(({ seq }) => !seen.has(seq)),
    ),
  };
}

async function servedVersions(
  stores: Stores,
  model: string,
  vectors: readonly ServedVector[],
): Promise<ServedVersion[]> {
  const numbers = [...new Set(vectors.map(({ version }) => version))].sort((left, right) => left - right);
  // Versions often read the same revision of a view.
  const histories = new Map<string, Promise<ViewHistory>>();
  return Promise.all(
    numbers.map(async (version) => {
      const { bundle } = await requireVersion(stores, model, version);
      const revisions = new Map(bundle.views.map(({ view, revision }) => [view, revision]));
      const [chunks, replaced]: [ViewChunks[], ViewChunks[]] = [[], []];
      for (const [view, revision] of revisions) {
        const key = `${view}/${revision}`;
        const reading = histories.get(key) ?? readViewHistory(stores, { view, revision });
        histories.set(key, reading);
        const history = await reading;
        chunks.push(history.standing);
        replaced.push(history.replaced);
      }
      return { version, bundle: { plan: bundle.plan, views: bundle.views }, chunks, replaced };
    }),
  );
}

/** The first difference of each version, input and kind, and how many there are. */
function firstOfEach(differences: readonly ServedDifference[]): { first: ServedDifference; count: number }[] {
  const groups = new Map<string, { first: ServedDifference; count: number }>();
  for (const difference of differences) {
    const key = `${difference.version}/${difference.input}/${difference.verdict}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: difference, count: 1 });
    else group.count += 1;
  }
  return [...groups.values()];
}

function alertOf(found: {
  window: Window;
  model: string;
  first: ServedDifference;
  count: number;
  id: (key: readonly unknown[]) => string;
  now: number;
}): Alert {
  const { window, model, first, count, id, now } = found;
  const { version, input, verdict } = first;
  return {
    alertId: id(['alert', window.endpoint, MONITOR, version, input, verdict, window.windowEnd]),
    endpoint: window.endpoint,
    model,
    version,
    monitor: MONITOR,
    metric: 'feature_skew',
    severity: verdict === 'early' ? 'info' : 'page',
    windowEnd: window.windowEnd,
    windowRevision: 1,
    effect: count,
    statistic: null,
    explanation: explain(first, count),
    action: 'none',
    outcome: 'nothing yet',
    raisedTs: now,
    acknowledgedBy: null,
    served: first,
  };
}

const EXPLAINED: Readonly<Record<ServedVerdict, string>> = {
  equal: 'was served as history has it',
  late: 'was served from an older row, the newer not being online yet',
  overdue: 'was served without a row that had long been due; is it lost, or is materialisation behind?',
  early: 'was read from a row that was not known then',
  unverifiable: 'was read from a row that was only pushed online',
  different: 'was served as history does not have it',
};

function explain(first: ServedDifference, count: number): string {
  const { input, keys, eventTs, predictionId, served, recomputed, servedRow, offlineRow, verdict } = first;
  const iso = (time: number): string => toIso(micros(time));
  const row = (rank: ServedDifference['servedRow']): string =>
    rank === null ? 'no row' : `row of ${iso(rank.eventTs)}, known ${iso(rank.knownTs)}`;
  return (
    `${input} of ${JSON.stringify(keys)} at ${iso(eventTs)} ${EXPLAINED[verdict]}: served ${served} (${row(servedRow)}), ` +
    `recomputed ${recomputed} (${row(offlineRow)}); prediction ${predictionId}, ${count} such in the window`
  );
}

function summaryOf({ alertId, monitor, severity, action, explanation }: Alert): AlertSummary {
  return { alertId, monitor, severity, action, explanation };
}

function lineOf(vectors: number, { counts, latestMicros }: CheckServedFeaturesResult): string {
  const { equal, late, overdue, early, unverifiable, different } = counts;
  const parts = [
    `${equal} as history has them`,
    ...(late === 0 ? [] : [`${late} published late`]),
    ...(overdue === 0 ? [] : [`${overdue} OVERDUE`]),
    ...(latestMicros === 0 ? [] : [`up to ${Math.ceil(latestMicros / 1_000_000)} s after they were known`]),
    ...(early === 0 ? [] : [`${early} before they were known`]),
    ...(unverifiable === 0 ? [] : [`${unverifiable} only ever pushed online`]),
    ...(different === 0 ? [] : [`${different} DIFFERENT`]),
  ];
  return `features of ${vectors} sampled predictions recomputed: ${parts.join(', ')}`;
}
