/** The audit record and its verification. */
import { z } from 'zod';
import type { ApiDependencies } from '../dependencies.js';
import { type Route, route } from '../route.js';

export function auditRoutes({ stores }: ApiDependencies): Route[] {
  const { audit } = stores;
  return [
    route({
      method: 'get',
      path: '/v1/audit',
      summary: 'Audit entries, newest first',
      action: 'read',
      query: z.object({ scope: z.string().optional(), limit: z.coerce.number().int().min(1).max(10_000).default(200) }),
      async handle({ query: { scope, limit } }) {
        return { body: { items: await audit.entries({ limit, ...(scope !== undefined && { scope }) }) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/audit/verification',
      summary: 'Recompute every audit chain and say where one is broken',
      action: 'read',
      async handle() {
        const scopes = await audit.scopes();
        const chains = await Promise.all(scopes.map(async (scope) => ({ scope, ...(await audit.verify(scope)) })));
        return { body: { valid: chains.every(({ valid }) => valid), chains } };
      },
    }),
  ];
}
