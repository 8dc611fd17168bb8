/** Paths of the serving process. Inference comes first: it is what this process is for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../domain/errors.js';
import type { Stores } from '../store/contracts/index.js';
import { readBody, sendError, sendJson, sendText } from './http.js';
import { readOnlineFeatures, takeGroundTruth } from './intake.js';
import {
  modelInfer,
  modelMetadata,
  modelReady,
  type ProtocolDependencies,
  requireEndpoint,
  serverMetadata,
} from './protocol.js';

export interface RouterDependencies extends ProtocolDependencies {
  readonly stores: Stores;
  readonly authorise: (header: string | undefined) => Promise<void>;
  readonly onProblem: (error: unknown) => void;
}

const MODEL_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/;
const GROUND_TRUTH_PATH = /^\/v1\/endpoints\/([^/]+)\/ground-truth$/;
/** More requests than this at once are refused instead of queued without end. */
const MAX_IN_FLIGHT = 2_000;

export function createRouter(
  dependencies: RouterDependencies,
): (request: IncomingMessage, response: ServerResponse) => void {
  let inFlight = 0;
  return (request, response) => {
    inFlight += 1;
    const overloaded = inFlight > MAX_IN_FLIGHT;
    const work = overloaded
      ? Promise.reject(new DomainError('PRN_SERVING_OVERLOADED', { queued: inFlight }))
      : route(dependencies, request, response);
    void work
      .catch((error: unknown) => sendError(response, error, dependencies.onProblem))
      .finally(() => {
        inFlight -= 1;
        // A body nobody read would be taken for the next request on this connection.
        if (!request.complete) request.resume();
      });
  };
}

async function route(
  dependencies: RouterDependencies,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const { method = 'GET' } = request;
  if (isOpen(dependencies, { method, path }, response)) return;
  await dependencies.authorise(request.headers.authorization);

  const model = MODEL_PATH.exec(path);
  if (model !== null) return routeModel(dependencies, { request, response, method, match: model });
  const groundTruth = GROUND_TRUTH_PATH.exec(path);
  const now = dependencies.now();
  if (groundTruth !== null && method === 'POST') {
    const { endpoint } = requireEndpoint(dependencies.endpoints, decode(groundTruth[1]));
    return sendJson(
      response,
      200,
      await takeGroundTruth(dependencies.stores, endpoint, { body: await readBody(request), now }),
    );
  }
  if (path === '/v1/features/online' && method === 'POST') {
    return sendJson(
      response,
      200,
      await readOnlineFeatures(dependencies.stores, { body: await readBody(request), now }),
    );
  }
  throw new DomainError('PRN_REQUEST_UNKNOWN_ROUTE', { method, path });
}

/** Health and metrics need no key: probes and scrapers have none. */
function isOpen(
  dependencies: RouterDependencies,
  { method, path }: { method: string; path: string },
  response: ServerResponse,
): boolean {
  if (method !== 'GET') return false;
  const degraded = !dependencies.isHealthy();
  if (path === '/v2' || path === '/v2/') sendJson(response, 200, serverMetadata());
  else if (path === '/v2/health/live') sendJson(response, 200, { live: true });
  else if (path === '/v2/health/ready' || path === '/healthz')
    sendJson(response, 200, { ready: true, degraded, ...dependencies.log.counters() });
  else if (path === '/metrics') sendMetrics(dependencies, response);
  else return false;
  return true;
}

function sendMetrics({ metrics, log, isHealthy, onProblem }: RouterDependencies, response: ServerResponse): void {
  for (const [state, rows] of Object.entries(log.counters())) metrics.logRows.set({ state }, rows);
  metrics.degraded.set(isHealthy() ? 0 : 1);
  metrics.registry
    .metrics()
    .then((text) => sendText(response, { status: 200, type: metrics.registry.contentType, text }))
    .catch((error: unknown) => sendError(response, error, onProblem));
}

async function routeModel(
  dependencies: RouterDependencies,
  call: { request: IncomingMessage; response: ServerResponse; method: string; match: RegExpExecArray },
): Promise<void> {
  const { request, response, method, match } = call;
  const [path, name, versionText, verb] = match;
  if (method !== (verb === 'infer' ? 'POST' : 'GET'))
    throw new DomainError('PRN_REQUEST_UNKNOWN_ROUTE', { method, path });
  const body = verb === 'infer' ? await readBody(request) : '';
  const live = requireEndpoint(dependencies.endpoints, decode(name));
  const pinned = versionText === undefined ? null : Number(versionText);
  if (pinned !== null && (!Number.isSafeInteger(pinned) || pinned < 1)) {
    throw new DomainError('PRN_ENDPOINT_VERSION_UNAVAILABLE', { endpoint: live.endpoint, version: versionText });
  }
  if (verb === 'infer')
    return sendText(response, {
      status: 200,
      type: 'application/json',
      text: await modelInfer(dependencies, live, { body, pinned }),
    });
  return sendJson(response, 200, verb === 'ready' ? modelReady(live, pinned) : modelMetadata(live, pinned));
}

function decode(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'path', problem: 'it is not valid percent-encoding' });
  }
}
