/** OpenAPI 3.1 from the route descriptions. */
import { z } from 'zod';
import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import { rolesFor } from '../domain/access.js';
import type { Route } from './route.js';

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

export function openApiDocument(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Perennial',
      version: '0.1.0',
      description: 'The control plane of model lifecycles. Times are ISO 8601 in UTC.',
    },
    security: [{ apiKey: [] }],
    components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    paths: paths as ZodOpenApiPathsObject,
  });
}

function operation(route: Route): object {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const path = z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
  const error = { description: 'Refused', content: { 'application/json': { schema: ErrorBody } } };
  return {
    operationId: `${route.method} ${route.path}`.replace(/[^A-Za-z0-9]+(\w?)/g, (_match, next: string) =>
      next.toUpperCase(),
    ),
    summary: route.summary,
    description: `Roles: ${rolesFor(route.action).join(', ')}.`,
    tags: [route.path.split('/')[2]?.split(':')[0] ?? 'v1'],
    requestParams: {
      ...(names.length > 0 && { path }),
      ...(route.query instanceof z.ZodObject && { query: route.query }),
    },
    ...(route.body !== undefined && { requestBody: { content: { 'application/json': { schema: route.body } } } }),
    responses: { '2XX': { description: 'Done, or accepted with a Location to poll' }, '4XX': error, '5XX': error },
  };
}
