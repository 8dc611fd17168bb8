/** The express application: one dispatcher for all routes, so that access, validation and documents cannot diverge. */
import { createHash, randomUUID } from 'node:crypto';
import express, { type Express, type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import swaggerUi from 'swagger-ui-express';
import type { z } from 'zod';
import type { Actor } from '../domain/access.js';
import { canonicalJson } from '../domain/canonical-json.js';
import { DomainError } from '../domain/errors.js';
import { authenticate, requireAction } from './auth.js';
import type { ApiDependencies } from './dependencies.js';
import { errorMiddleware } from './errors.js';
import { openApiDocument } from './openapi.js';
import { present } from './present.js';
import type { Answer, Route } from './route.js';
import { allRoutes } from './routes/index.js';

const BODY_LIMIT = '2mb';
const REQUESTS_PER_MINUTE = 6_000;

export function createApp(dependencies: ApiDependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(requestFacts(dependencies));
  // Swagger UI needs inline styles; nothing else on this server is HTML.
  app.use(
    helmet({
      contentSecurityPolicy: {
        directives: { 'script-src': ["'self'", "'unsafe-inline'"], 'upgrade-insecure-requests': null },
      },
    }),
  );
  app.use(
    rateLimit({
      windowMs: 60_000,
      limit: REQUESTS_PER_MINUTE,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      skip: isLoopback,
      handler: refuseFlood,
    }),
  );
  app.get('/healthz', (_request, response, next) => void health(dependencies, response).catch(next));

  const routes = allRoutes(dependencies);
  const document = openApiDocument(routes);
  app.get('/openapi.json', (_request, response) => void response.json(document));
  app.use(
    '/docs',
    swaggerUi.serve,
    swaggerUi.setup(document as swaggerUi.JsonObject, { customSiteTitle: 'Perennial API' }),
  );
  app.get('/', (_request, response) => response.redirect('/docs'));

  app.use(express.json({ limit: BODY_LIMIT }));
  for (const each of routes) {
    app[each.method](
      each.path,
      (request, response, next) => void dispatch(dependencies, each, { request, response }).catch(next),
    );
  }
  app.use((request, _response, next) =>
    next(new DomainError('PRN_REQUEST_UNKNOWN_ROUTE', { method: request.method, path: request.path })),
  );
  app.use(errorMiddleware(dependencies.onInternalError));
  return app;
}

async function dispatch(
  dependencies: ApiDependencies,
  route: Route,
  exchange: { request: Request; response: Response },
): Promise<void> {
  const { request, response } = exchange;
  const actor = await authenticate(dependencies.stores.keys, request.headers.authorization);
  requireAction(actor, route.action);
  const body = route.body === undefined ? undefined : parse(route.body, request.body, 'body');
  const query = route.query === undefined ? undefined : parse(route.query, request.query, 'query');
  const params = Object.fromEntries(Object.entries(request.params).map(([name, value]) => [name, String(value)]));
  const key = request.get('idempotency-key');
  const work = (): Promise<Answer> => route.handle({ params, body, query, actor, request });
  const answer =
    key === undefined || route.method === 'get'
      ? await work()
      : await onceOnly(dependencies, { key, actor, request, work });
  if (answer.location !== undefined) response.setHeader('location', answer.location);
  response.status(answer.status ?? 200).json(present(answer.body));
}

function parse(schema: z.ZodType, value: unknown, what: string): unknown {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues
    .slice(0, 5)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
  throw new DomainError('PRN_REQUEST_INVALID', { what, problem });
}

/** The same key and request get the first answer again; the same key with another request is refused. */
async function onceOnly(
  { stores }: ApiDependencies,
  call: { key: string; actor: Actor; request: Request; work: () => Promise<Answer> },
): Promise<Answer> {
  const { key, actor, request, work } = call;
  const requestDigest = createHash('sha256')
    .update(canonicalJson([request.method, request.path, request.body ?? null]))
    .digest('hex');
  const earlier = await stores.keys.answer(key, actor.name);
  if (earlier !== null) {
    if (earlier.requestDigest !== requestDigest) throw new DomainError('PRN_IDEMPOTENCY_MISMATCH', { key });
    return { status: earlier.status, body: earlier.body };
  }
  const answer = await work();
  const kept = await stores.keys.rememberAnswer({
    key,
    actor: actor.name,
    requestDigest,
    status: answer.status ?? 200,
    body: present(answer.body),
  });
  return { ...answer, status: kept.status, body: kept.body };
}

function requestFacts({ onRequest }: ApiDependencies) {
  return (request: Request, response: Response, next: () => void): void => {
    const requestId = randomUUID();
    const startedMs = performance.now();
    response.locals['requestId'] = requestId;
    response.setHeader('x-request-id', requestId);
    response.on('finish', () => {
      const { method, path } = request;
      onRequest({ method, path, status: response.statusCode, milliseconds: performance.now() - startedMs, requestId });
    });
    next();
  };
}

function isLoopback(request: Request): boolean {
  return ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(request.socket.remoteAddress ?? '');
}

function refuseFlood(_request: Request, _response: Response, next: (error: unknown) => void): void {
  next(new DomainError('PRN_REQUEST_RATE_LIMITED', { retryAfterSeconds: 60 }));
}

async function health({ isDatabaseReachable, workflows }: ApiDependencies, response: Response): Promise<void> {
  const [mongodb, temporal] = await Promise.all([isDatabaseReachable(), workflows.isReachable()]);
  response.status(mongodb && temporal ? 200 : 503).json({ healthy: mongodb && temporal, mongodb, temporal });
}
