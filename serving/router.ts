/** Paths of the serving process. Inference comes first: it is what this process is for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../domain/errors.js';
import type { Stores } from '../store/contracts/index.js';
import type { Authorise } from './auth.js';
import { createBodyReader, sendError, sendJson, sendText } from './http.js';
import { takeGroundTruth } from './intake.js';
import type { ServingMetrics } from './metrics.js';
import { type OnlineFeatureDependencies, readOnlineFeatures } from './online-features.js';
import {
  modelInfer,
  modelMetadata,
  modelReady,
  type ProtocolDependencies,
  requireEndpoint,
  serverMetadata,
} from './protocol.js';
import { takeRows } from './row-push.js';
import type { StoreAccess, StoreHealth } from './store-access.js';

export interface RouterDependencies extends ProtocolDependencies, OnlineFeatureDependencies {
  readonly stores: Pick<Stores, 'predictions' | 'features' | 'resources' | 'datasets'>;
  readonly access: StoreAccess;
  readonly metrics: ServingMetrics;
  readonly health: StoreHealth;
  readonly authorise: Authorise;
  /** True once the process was told to stop: it answers what comes, and asks callers to go elsewhere. */
  readonly isDraining: () => boolean;
  /** More requests than this at once are refused instead of queued without end; probes are always answered. */
  readonly maxInFlight: number;
  readonly onProblem: (what: string, error: unknown) => void;
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

const MODEL_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/;
const ROW_PUSH_PATH = /^\/v1\/feature-views\/([^/]+)\/rows$/;
const GROUND_TRUTH_PATH = /^\/v1\/endpoints\/([^/]+)\/ground-truth$/;
const VERSION = /^[1-9]\d{0,8}$/;

export function createRouter(
  dependencies: RouterDependencies,
): (request: IncomingMessage, response: ServerResponse) => void {
  const readBody = createBodyReader();
  let inFlight = 0;
  return (request, response) => {
    if (dependencies.isDraining()) response.setHeader('connection', 'close');
    const method = request.method ?? 'GET';
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const fail = (error: unknown): void => {
      const code = sendError(response, error, (requestId, cause) =>
        dependencies.onProblem(`request ${requestId}`, cause),
      );
      dependencies.metrics.errors.inc({ code });
    };
    if (method === 'GET' && answerProbe(dependencies, { request, response }, path)) return;
    inFlight += 1;
    const work =
      inFlight > dependencies.maxInFlight
        ? Promise.reject(new DomainError('PRN_SERVING_OVERLOADED', { queued: inFlight }))
        : route(dependencies, { request, response }, { method, path, body: () => readBody(request) });
    void work.catch(fail).finally(() => {
      inFlight -= 1;
      // A body nobody read would be taken for the next request on this connection.
      if (!request.complete) request.resume();
    });
  };
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: () => Promise<string>;
}

async function route(dependencies: RouterDependencies, { request, response }: Exchange, call: Call): Promise<void> {
  const { authorise, stores, access, now } = dependencies;
  const { method, path, body } = call;
  const groundTruth = GROUND_TRUTH_PATH.exec(path);
  const rowPush = ROW_PUSH_PATH.exec(path);
  // Outcomes and pushed rows decide what is promoted and retrained; predictions and features are only read.
  await authorise(request.headers, groundTruth === null && rowPush === null ? 'read' : 'contribute');
  const model = MODEL_PATH.exec(path);
  if (model !== null) return routeModel(dependencies, response, { ...call, match: model });
  if (groundTruth !== null && method === 'POST') {
    const { state, contract } = requireEndpoint(dependencies, decode(groundTruth[1]));
    const endpoint = { ...state, task: contract.shape.task };
    const taken = await takeGroundTruth({ stores, access }, endpoint, { body: await body(), now: now() });
    return sendJson(response, 200, taken);
  }
  if (rowPush !== null && method === 'POST') {
    const view = decode(rowPush[1]);
    const key = request.headers['idempotency-key']?.toString();
    return sendJson(response, 200, await takeRows({ stores, access }, { view, body: await body(), key, now: now() }));
  }
  if (path === '/v1/features/online' && method === 'POST') {
    const text = await readOnlineFeatures(dependencies, { body: await body(), now: now() });
    return sendText(response, { status: 200, type: 'application/json', text });
  }
  throw new DomainError('PRN_REQUEST_UNKNOWN_ROUTE', { method, path: path.slice(0, 200) });
}

async function routeModel(
  dependencies: RouterDependencies,
  response: ServerResponse,
  { method, path, body, match }: Call & { match: RegExpExecArray },
): Promise<void> {
  const [, name, versionText, verb] = match;
  if (method !== (verb === 'infer' ? 'POST' : 'GET'))
    throw new DomainError('PRN_REQUEST_UNKNOWN_ROUTE', { method, path: path.slice(0, 200) });
  const text = verb === 'infer' ? await body() : '';
  const live = requireEndpoint(dependencies, decode(name));
  if (versionText !== undefined && !VERSION.test(versionText))
    throw new DomainError('PRN_ENDPOINT_VERSION_UNAVAILABLE', {
      endpoint: live.endpoint,
      version: decode(versionText),
    });
  const pinned = versionText === undefined ? null : Number(versionText);
  if (verb === 'infer') {
    const answer = await modelInfer(dependencies, live, { body: text, pinned });
    return sendText(response, { status: 200, type: 'application/json', text: answer });
  }
  return sendJson(response, 200, verb === 'ready' ? modelReady(live, pinned) : modelMetadata(live, pinned));
}

/** Health and metrics need no key, and are answered under any load: probes and scrapers have no patience. */
function answerProbe(dependencies: RouterDependencies, { response }: Exchange, path: string): boolean {
  if (path === '/v2' || path === '/v2/') sendJson(response, 200, serverMetadata());
  else if (path === '/v2/health/live') sendJson(response, 200, { live: true });
  else if (path === '/v2/health/ready') sendReadiness(dependencies, response);
  else if (path === '/healthz') sendJson(response, 200, healthOf(dependencies));
  else if (path === '/metrics') sendMetrics(dependencies, response);
  else return false;
  return true;
}

function healthOf({ health, log }: RouterDependencies): Record<string, unknown> {
  return { degraded: health.isDegraded(), ...log.counters() };
}

/** Ready once the first routes were read and their versions loaded; old routes are still good to serve. */
function sendReadiness(dependencies: RouterDependencies, response: ServerResponse): void {
  const { health, endpoints, isDraining } = dependencies;
  const ready = health.hasRoutes() && endpoints.isSettled() && !isDraining();
  if (!ready) response.setHeader('retry-after', '1');
  sendJson(response, ready ? 200 : 503, { ready, ...healthOf(dependencies) });
}

function sendMetrics({ metrics, log, health, shadows, onProblem }: RouterDependencies, response: ServerResponse): void {
  for (const [state, rows] of Object.entries(log.counters())) metrics.logRows.set({ state }, rows);
  metrics.shadowSkipped.set(shadows.skippedRows());
  metrics.degraded.set(health.isDegraded() ? 1 : 0);
  metrics.registry
    .metrics()
    .then((text) => sendText(response, { status: 200, type: metrics.registry.contentType, text }))
    .catch((error: unknown) => sendError(response, error, (id, cause) => onProblem(`request ${id}`, cause)));
}

function decode(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '').slice(0, 200);
  } catch {
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'path', problem: 'it is not valid percent-encoding' });
  }
}
