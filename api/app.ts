/** The express application: security headers, limits, request facts, documents, and one dispatcher for all routes. */
import { randomUUID } from 'node:crypto';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import swaggerUi from 'swagger-ui-express';
import { DomainError } from '../domain/errors.js';
import type { ApiDependencies, ApiObservers } from './dependencies.js';
import { createDispatch } from './dispatch.js';
import { errorMiddleware } from './errors.js';
import { openApiDocument } from './openapi.js';
import { routerPath } from './route.js';
import { allRoutes } from './routes/index.js';
import { cutUnread, endInTime } from './streamed-body.js';

const BODY_LIMIT = '2mb';
const PAGE = { customSiteTitle: 'Perennial API', customCss: '.swagger-ui .topbar { display: none }' };
const REQUESTS_PER_MINUTE = 6_000;

/** The whole control plane as one request handler. */
export function createApp(dependencies: ApiDependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(requestFacts(dependencies));
  app.use(helmet({ contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } } }));
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
  serveDocuments(app, openApiDocument(routes));
  const dispatch = createDispatch(dependencies.stores.keys);
  const whole = [endInTime, express.json({ limit: BODY_LIMIT })];
  for (const route of routes) {
    app[route.method](
      routerPath(route.path),
      ...(route.streams === true ? [cutUnread] : whole),
      (request: Request, response: Response, next: NextFunction) =>
        void dispatch(route, { request, response }).catch(next),
    );
  }
  app.use((request, _response, next) =>
    next(new DomainError('PRN_REQUEST_UNKNOWN_ROUTE', { method: request.method, path: request.path })),
  );
  app.use(errorMiddleware(dependencies.onInternalError));
  return app;
}

/**
 * Answers for the control plane while it cannot work yet: `reason` says what is being waited for. Every request gets
 * 503 `PRN_UNAVAILABLE`, so that callers wait and repeat instead of meeting a closed port.
 */
export function createWaitingApp(
  observers: ApiObservers & { readonly what: string; readonly reason: () => string },
): Express {
  const { what, reason } = observers;
  const app = express();
  app.disable('x-powered-by');
  app.use(requestFacts(observers));
  app.get('/healthz', (_request, response) => void response.status(503).json({ healthy: false, waitingFor: what }));
  app.use((_request, _response, next) => next(new DomainError('PRN_UNAVAILABLE', { what, reason: reason() })));
  app.use(errorMiddleware(observers.onInternalError));
  return app;
}

function serveDocuments(app: Express, document: object): void {
  app.get('/openapi.json', (_request, response) => void response.json(document));
  const page = swaggerUi.setup(document as swaggerUi.JsonObject, PAGE);
  app.use('/docs', swaggerUi.serve, page);
  app.get('/', (_request, response) => response.redirect('/docs'));
}

function requestFacts({ onRequest }: ApiObservers) {
  return (request: Request, response: Response, next: () => void): void => {
    const requestId = randomUUID();
    const startedMs = performance.now();
    // The router shortens the path for what is mounted below another one, so it is read here.
    const { method, path } = request;
    response.locals['requestId'] = requestId;
    response.setHeader('x-request-id', requestId);
    response.on('finish', () => {
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
