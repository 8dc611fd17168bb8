/** The serving process put together: live endpoints fed by the route watch, the log, the heart-beat, the HTTP server. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DomainError } from '../domain/errors.js';
import type { Stores } from '../store/contracts/index.js';
import type { DefinitionListener } from '../store/contracts/resources.js';
import type { TableEngine } from '../store/contracts/tables.js';
import { allowLocalPrograms, createKeyCheck } from './auth.js';
import { createFeatureReader, type FeatureCacheOptions } from './feature-reader.js';
import { createHistoryReader } from './history-reader.js';
import { type LiveEndpoints, openLiveEndpoints } from './live-endpoints.js';
import { createServingMetrics } from './metrics.js';
import { createOnlinePlans } from './online-plans.js';
import { openPredictionLog, type PredictionLog } from './prediction-log.js';
import { createRouter } from './router.js';
import { createShadowScoring } from './shadow-scoring.js';
import { shareReads } from './shared-reads.js';
import { createStoreAccess, createStoreHealth } from './store-access.js';
import { createVisibleRows } from './visible-rows.js';

export interface ServingOptions {
  readonly stores: Stores;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly auth: 'open' | 'key';
  /** Wall time in microseconds. */
  readonly now: () => number;
  /** Milliseconds that only go up, by which keys, plans and rows that are remembered age; of the machine unless given. */
  readonly elapsedMs?: () => number;
  readonly onProblem: (what: string, error: unknown) => void;
  /** Opened when feature history is first asked for; closed with the server. */
  readonly openTables: () => Promise<TableEngine>;
  /** Off unless given. */
  readonly featureCache?: FeatureCacheOptions;
  /** Requests answered at once; more are refused. */
  readonly maxInFlight?: number;
  /** Rows that may wait for the prediction log; more are dropped and counted. */
  readonly maxQueuedRows?: number;
}

export interface Serving {
  readonly url: string;
  readonly instanceId: string;
  /** Stops taking requests, ends running ones, writes the log, says goodbye. */
  close(): Promise<void>;
}

const NO_CACHE: FeatureCacheOptions = { maxStaleMs: 0, maxEntries: 1 };
const HEARTBEAT_MS = 1_000;
const GOODBYE_MS = 2_000;
/** Connections that are still busy after this are cut. */
const DRAIN_MS = 5_000;
const MAX_IN_FLIGHT = 2_000;
const HTTP_TIMEOUTS = { keepAliveTimeout: 65_000, headersTimeout: 15_000, requestTimeout: 60_000 };

/** Throws `PRN_PORT_IN_USE`. */
export async function startServing(options: ServingOptions): Promise<Serving> {
  const { stores, now, onProblem, maxInFlight = MAX_IN_FLIGHT, maxQueuedRows } = options;
  const instanceId = `serving-${process.pid}-${randomBytes(4).toString('hex')}`;
  const health = createStoreHealth();
  const access = createStoreAccess(health, onProblem);
  const endpoints = openLiveEndpoints(stores, (endpoint, error) => onProblem(`routes of ${endpoint}`, error));
  const logOptions = { store: stores.predictions, instanceId, now };
  const log = openPredictionLog({ ...logOptions, ...(maxQueuedRows !== undefined && { maxQueuedRows }) });
  let draining = false;
  const metrics = createServingMetrics();
  const { featureCache: cache = NO_CACHE, openTables, elapsedMs = () => performance.now() } = options;
  const plans = createOnlinePlans({ stores, access, elapsedMs });
  const history = createHistoryReader({ stores, access, openTables, elapsedMs });
  const reader = createFeatureReader({ store: shareReads(stores.features), access, metrics, cache, elapsedMs });
  const router = createRouter({
    stores,
    rows: createVisibleRows(reader, history),
    plans,
    history,
    endpoints,
    log,
    shadows: createShadowScoring(log, { onProblem: (error) => onProblem('shadow scoring', error) }),
    access,
    health,
    metrics,
    now,
    maxInFlight,
    isDraining: () => draining,
    authorise: options.auth === 'open' ? allowLocalPrograms : createKeyCheck(stores.keys, access, elapsedMs),
    onProblem,
  });
  const server = createServer(HTTP_TIMEOUTS, router);
  const url = await listen(server, options);
  const watch = await stores.endpoints.watchRoutes((state) => endpoints.apply(state), health.watched);
  const definitions = await stores.resources.watch(definitionListener(plans, endpoints));
  const heartbeat = startHeartbeat(() =>
    health.beat(() =>
      stores.endpoints.saveInstance({ instanceId, url, heartbeatTs: now(), ...stateOf(endpoints, log) }),
    ),
  );

  return {
    url,
    instanceId,
    async close() {
      draining = true;
      await drain(server);
      clearInterval(heartbeat);
      await watch.close();
      await definitions.close();
      await history.close();
      await log.close();
      endpoints.close();
      await sayGoodbye(stores, instanceId);
    },
  };
}

function definitionListener(plans: DefinitionListener, endpoints: LiveEndpoints): DefinitionListener {
  return {
    onChange(kind, name) {
      plans.onChange(kind, name);
      if (kind === 'Endpoint') endpoints.redeclare(name);
    },
    onLost() {
      plans.onLost();
      endpoints.redeclare(null);
    },
  };
}

function stateOf(endpoints: LiveEndpoints, log: PredictionLog) {
  const { logged, dropped, failed } = log.counters();
  return {
    appliedRevs: endpoints.appliedRevs(),
    unflushed: log.unflushed(),
    counters: { logged, dropped, failed },
  };
}

/** A beat that takes long is not overtaken by the next. */
function startHeartbeat(beat: () => Promise<void>): NodeJS.Timeout {
  let beating = false;
  const run = (): void => {
    if (beating) return;
    beating = true;
    void beat().finally(() => (beating = false));
  };
  run();
  return setInterval(run, HEARTBEAT_MS);
}

async function drain(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
}

/** An instance that could not say goodbye is forgotten when it is silent for long. */
async function sayGoodbye({ endpoints }: Stores, instanceId: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)));
  await Promise.race([endpoints.removeInstance(instanceId).catch(() => undefined), patience]);
  clearTimeout(timer);
}

async function listen(server: Server, { host, port }: ServingOptions): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new DomainError('PRN_PORT_IN_USE', { port, process: 'serving', option: '--serving-port' })
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
