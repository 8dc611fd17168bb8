/** Time and alarms of an endpoint: settles the watermark, and turns an alert into a request or a warning to a rollout. */
import { durationMicros } from '../domain/duration.js';
import type { EndpointState } from '../domain/endpoint.js';
import { workflowIds } from '../domain/ids.js';
import type { Alert } from '../domain/monitoring.js';
import { INSTANCE_SILENT_AFTER_MICROS } from '../domain/prediction.js';
import type { ResourceOf } from '../domain/resources.js';
import type { RetrainingRequest } from '../domain/retraining.js';
import { floorTo, micros, MICROS_PER_DAY } from '../domain/time.js';
import type { Stores } from '../store/contracts/index.js';
import type { MonitoringActivities } from '../workflows/contracts/monitoring.js';
import type { Clock, WorkflowPort } from './ports.js';
import { requireEndpoint } from './rollout.js';
import { requireResource } from './declared.js';

export interface MonitoringDependencies {
  readonly stores: Stores;
  readonly workflows: WorkflowPort;
  readonly now: Clock;
}

/** How long a claimed watermark waits for serving to write what it still holds. */
const FLUSH_WAIT_MS = 4_000;
const FLUSH_POLL_MS = 100;

export function createMonitoringActivities(dependencies: MonitoringDependencies) {
  const { stores, workflows } = dependencies;
  const { endpoints, monitoring, predictions, lifecycles } = stores;

  return {
    async loadWatch({ endpoint }) {
      const state = await requireEndpoint(stores, endpoint);
      const model = await modelOfEndpoint(stores, endpoint);
      const reports = await monitoring.reports({ endpoint, from: 0 });
      return {
        clock: state.clock,
        windowMicros: await windowMicros(stores, endpoint),
        labelDelayMicros: model === null ? 0 : durationMicros(model.spec.label.availableAfter),
        sealedThrough: reports.at(-1)?.windowEnd ?? null,
        watermark: state.watermark,
      };
    },

    async settleWatermark({ endpoint, claimed }) {
      const state = await requireEndpoint(stores, endpoint);
      const settled = await settle(dependencies, state, claimed);
      const watermark = Math.max(settled ?? 0, state.watermark ?? 0);
      if (watermark === 0) return { watermark: null, firstWindowStart: null };
      const first = await predictions.buckets({ endpoint, from: watermark - 2 * MICROS_PER_DAY, to: watermark });
      const earliest = first.reduce((least, { minEventTs }) => Math.min(least, minEventTs), Number.POSITIVE_INFINITY);
      const length = await windowMicros(stores, endpoint);
      return { watermark, firstWindowStart: Number.isFinite(earliest) ? floorTo(micros(earliest), length) : null };
    },

    async publishWatermark({ endpoint, watermark }) {
      const { clock } = await requireEndpoint(stores, endpoint);
      await endpoints.setWatermark(endpoint, watermark);
      if (clock === 'event') await tellTime(dependencies, endpoint, watermark);
    },

    async actOnAlert({ endpoint, alertId }) {
      const alert = (await monitoring.alerts({ endpoint })).find((candidate) => candidate.alertId === alertId);
      if (alert === undefined) return { outcome: 'the alert is gone' };
      const outcome = await act(alert);
      await monitoring.setAlertOutcome(alertId, outcome);
      return { outcome };
    },
  } satisfies MonitoringActivities;

  /** Breaches of one version never count against another: an alarm on the champion leaves its replacement alone. */
  async function act(alert: Alert): Promise<string> {
    const open = (await endpoints.rollouts({ endpoint: alert.endpoint, open: true }))[0];
    if (open !== undefined) {
      if (open.version !== alert.version) return `rollout ${open.rolloutId} to version ${open.version} is under way`;
      await workflows.reportBreach(open.workflowId, {
        alertId: alert.alertId,
        monitor: alert.monitor,
        explanation: alert.explanation,
      });
      return `reported to rollout ${open.rolloutId}`;
    }
    const { resource } = await requireResource(stores, 'Model', alert.model);
    if (!resource.spec.retraining.on.includes('alert')) return 'the model is not retrained on alerts';
    const waiting = (await lifecycles.requests(alert.model, 'queued')).find(({ source }) => source === 'alert');
    const request = retrainingRequest(alert, resource);
    if (waiting !== undefined && waiting.requestId !== request.requestId)
      return `request ${waiting.requestId} waits already`;
    await workflows.requestRetraining(alert.model, request);
    return `retraining requested: ${request.requestId}`;
  }
}

/** The moment from which labels of the awaited stretch are known is both the earliest start and the moment of knowledge. */
function retrainingRequest(alert: Alert, { spec }: ResourceOf<'Model'>): RetrainingRequest {
  const labelled =
    alert.windowEnd + durationMicros(spec.retraining.waitForLabelled) + durationMicros(spec.label.availableAfter);
  return {
    requestId: `alert-${alert.alertId}`,
    reason: `${alert.monitor}: ${alert.explanation}`.slice(0, 1_000),
    source: 'alert',
    requestedBy: `monitor:${alert.monitor}`,
    notBefore: labelled,
    asOf: labelled,
    evidence: {
      alertId: alert.alertId,
      windowEnd: alert.windowEnd,
      revision: alert.windowRevision,
      effect: alert.effect,
      statistic: alert.statistic,
    },
  };
}

async function windowMicros(stores: Stores, endpoint: string): Promise<number> {
  const monitors = await stores.resources.list('Monitor');
  const lengths = monitors.flatMap(({ resource }) =>
    resource.kind === 'Monitor' && resource.spec.endpoint === endpoint ? [durationMicros(resource.spec.window)] : [],
  );
  return lengths.length === 0 ? MICROS_PER_DAY : Math.min(...lengths);
}

export async function modelOfEndpoint(stores: Stores, endpoint: string): Promise<ResourceOf<'Model'> | null> {
  const models = await stores.resources.list('Model');
  for (const { resource } of models)
    if (resource.kind === 'Model' && resource.spec.endpoint === endpoint) return resource;
  return null;
}

/** Event clock: the claim, once serving has written everything before it. Wall clock: what serving has written by now. */
async function settle(
  { stores, now }: MonitoringDependencies,
  state: EndpointState,
  claimed: number | null,
): Promise<number | null> {
  const { resource } = await requireResource(stores, 'Endpoint', state.endpoint);
  if (state.clock === 'wall') {
    const held = await lowestUnflushed(stores, state.endpoint, now());
    return (held === null ? now() : Math.min(now(), held)) - durationMicros(resource.spec.allowedLateness);
  }
  if (claimed === null) return null;
  for (let waitedMs = 0; ; waitedMs += FLUSH_POLL_MS) {
    const held = await lowestUnflushed(stores, state.endpoint, now());
    if (held === null || held >= claimed) return claimed;
    if (waitedMs >= FLUSH_WAIT_MS) return held;
    await new Promise((resolve) => setTimeout(resolve, FLUSH_POLL_MS));
  }
}

async function lowestUnflushed(stores: Stores, endpoint: string, now: number): Promise<number | null> {
  const instances = await stores.endpoints.instances(now - INSTANCE_SILENT_AFTER_MICROS);
  const held = instances.flatMap(({ unflushed }) => unflushed[endpoint] ?? []);
  if (held.length === 0) return null;
  return Math.min(...held);
}

async function tellTime(
  { stores, workflows }: MonitoringDependencies,
  endpoint: string,
  watermark: number,
): Promise<void> {
  const open = await stores.endpoints.rollouts({ endpoint, open: true });
  for (const { workflowId } of open) await workflows.observe(workflowId, watermark);
  const model = await modelOfEndpoint(stores, endpoint);
  if (model === null) return;
  const queued = await stores.lifecycles.requests(model.metadata.name, 'queued');
  if (queued.length > 0) await workflows.observe(workflowIds.modelLifecycle(model.metadata.name), watermark);
}
