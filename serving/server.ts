/** The serving process put together: live endpoints fed by the route watch, the log, the heart-beat, the HTTP server. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DomainError } from '../domain/errors.js';
import type { Stores } from '../store/contracts/index.js';
import { openLiveEndpoints } from './live-endpoints.js';
import { createServingMetrics } from './metrics.js';
import { openPredictionLog } from './prediction-log.js';
import { createRouter } from './router.js';

export interface ServingOptions {
  readonly stores: Stores;
  readonly host: string;
  readonly port: number;
  readonly auth: 'open' | 'key';
  /** Wall time in microseconds. */
  readonly now: () => number;
  readonly onProblem: (what: string, error: unknown) => void;
}

export interface Serving {
  readonly url: string;
  readonly instanceId: string;
  /** Stops taking requests, ends running ones, writes the log, says goodbye. */
  close(): Promise<void>;
}

const HEARTBEAT_MS = 1_000;
const KEY_CACHE_MS = 5_000;

export async function startServing(options: ServingOptions): Promise<Serving> {
  const { stores, now, onProblem } = options;
  const instanceId = `serving-${process.pid}-${randomBytes(4).toString('hex')}`;
  let healthy = true;
  const endpoints = openLiveEndpoints(stores, (endpoint, error) => onProblem(`routes of ${endpoint}`, error));
  const log = openPredictionLog({ store: stores.predictions, instanceId, now });
  const watch = await stores.endpoints.watchRoutes(
    (state) => endpoints.apply(state),
    (isHealthy) => (healthy = isHealthy),
  );
  const router = createRouter({
    stores,
    features: stores.features,
    endpoints,
    log,
    metrics: createServingMetrics(),
    now,
    isHealthy: () => healthy,
    authorise: options.auth === 'open' ? () => Promise.resolve() : createKeyCheck(stores),
    onProblem: (error) => onProblem('request', error),
  });
  const server = createServer({ keepAliveTimeout: 65_000, headersTimeout: 60_000, requestTimeout: 60_000 }, router);
  const url = await listen(server, options);
  const beat = async (): Promise<void> => {
    const { logged, dropped, failed } = log.counters();
    const counters = { logged, dropped, failed };
    await stores.endpoints.saveInstance({
      instanceId,
      url,
      heartbeatTs: now(),
      appliedRevs: endpoints.appliedRevs(),
      unflushed: log.unflushed(),
      counters,
    });
  };
  const heartbeat = startHeartbeat(beat);

  return {
    url,
    instanceId,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearInterval(heartbeat);
      await watch.close();
      await log.close();
      endpoints.close();
      await stores.endpoints.removeInstance(instanceId).catch(() => undefined);
    },
  };
}

/** A beat that takes long is not overtaken by the next. */
function startHeartbeat(beat: () => Promise<void>): NodeJS.Timeout {
  let beating = false;
  const run = (): void => {
    if (beating) return;
    beating = true;
    beat()
      .catch(() => undefined)
      .finally(() => (beating = false));
  };
  run();
  return setInterval(run, HEARTBEAT_MS);
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

/** Accepts any key that is not revoked; a look-up is remembered for a few seconds. */
function createKeyCheck(stores: Stores): (header: string | undefined) => Promise<void> {
  const seen = new Map<string, number>();
  return async (header) => {
    const key = /^Bearer (\S+)$/.exec(header ?? '')?.[1];
    if (key === undefined) throw new DomainError('PRN_AUTH_MISSING');
    const digest = createHash('sha256').update(key).digest('hex');
    if ((seen.get(digest) ?? 0) > Date.now()) return;
    const record = await stores.keys.keyByDigest(digest);
    if (record === null || record.revoked) throw new DomainError('PRN_AUTH_INVALID');
    if (seen.size > 1_000) seen.clear();
    seen.set(digest, Date.now() + KEY_CACHE_MS);
  };
}
