/** OpenAPI 3.1 from the route descriptions. */
import { z } from 'zod';
import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import { rolesFor } from '../domain/access.js';
import { presentSchema } from './present.js';
import { openApiPath, pathParameters, type Route } from './route.js';

const ErrorBody = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.unknown()),
      requestId: z.string(),
    }),
  })
  .meta({ id: 'Error', description: 'Codes are listed in docs/error-codes.md' });

const IdempotencyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: 'A repeat with the same key and request gets the first answer, for 24 hours' }),
});

const DESCRIPTION = [
  'The control plane of model lifecycles. Times are ISO 8601 in UTC.',
  '**Authorize** takes an API key, without the word Bearer. `perennial up` keeps the first one in the file `admin-key` of its data folder; `perennial keys create NAME --role ROLE` makes more.',
].join('\n\n');

const STATUS_MEANING = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted: poll the address in Location',
} as const;

/** The document that describes these routes and no others. */
export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Perennial',
      version: '0.1.0',
      description: DESCRIPTION,
    },
    security: [{ apiKey: [] }],
    components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    paths: paths as ZodOpenApiPathsObject,
  });
  // Every integer has the bounds of safe integers; said of each, they hide the bounds that matter.
  const isIdle = (name: string, value: unknown): boolean =>
    (name === 'maximum' && value === Number.MAX_SAFE_INTEGER) ||
    (name === 'minimum' && value === Number.MIN_SAFE_INTEGER);
  return JSON.parse(
    JSON.stringify(document, (name, value: unknown) => (isIdle(name, value) ? undefined : value)),
  ) as object;
}

function operation(route: Route): object {
  const status = route.status ?? 200;
  const content = { 'application/json': { schema: ErrorBody } };
  return {
    operationId: operationId(route),
    summary: route.summary,
    description: `Roles: ${rolesFor(route.action).join(', ')}.`,
    tags: [route.path.split('/')[2]?.split(':')[0] ?? 'v1'],
    requestParams: requestParameters(route),
    ...(route.body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: route.body } } },
    }),
    ...(route.streams === true && {
      requestBody: {
        required: true,
        content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      },
    }),
    responses: {
      [status]: {
        description: STATUS_MEANING[status],
        ...(status === 202 && { headers: { Location: { schema: { type: 'string' } } } }),
        content: successContent(route),
      },
      '4XX': { description: 'Refused: the request has to change', content },
      '5XX': { description: 'Failed here; after 503 the same request can be sent again', content },
    },
  };
}

function successContent({ sends, response }: Route): Record<string, object> {
  if (sends === 'text/event-stream') return { [sends]: { schema: { type: 'string' } } };
  if (sends !== undefined) return { [sends]: { schema: { type: 'string', format: 'binary' } } };
  return { 'application/json': { schema: presentSchema(response) } };
}

function requestParameters({ method, path, query }: Route): object {
  const names = pathParameters(path);
  return {
    ...(names.length > 0 && { path: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) }),
    ...(query instanceof z.ZodObject && { query }),
    ...(method !== 'get' && { header: IdempotencyHeader }),
  };
}

function operationId({ method, path }: Route): string {
  return `${method} ${path}`.replace(/[^A-Za-z0-9]+(\w?)/g, (_match, next: string) => next.toUpperCase());
}
