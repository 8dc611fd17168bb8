/** The audit record and its verification. */
import { z } from 'zod';
import { AuditEntry } from '../../domain/audit.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { type Route, route } from '../route.js';

const Chain = z.strictObject({
  scope: z.string(),
  valid: z.boolean(),
  entries: z.number().int().optional(),
  seq: z.number().int().optional().meta({ description: 'The first entry that does not fit' }),
  problem: z.string().optional(),
});

export function auditRoutes({ stores }: ApiDependencies): Route[] {
  const { audit } = stores;
  return [
    route({
      method: 'get',
      path: '/v1/audit',
      summary: 'Audit entries, newest first',
      action: 'read',
      query: PageQuery.extend({ scope: z.string().optional().meta({ description: 'Such as model/flight-delay' }) }),
      response: pageOf(AuditEntry),
      async handle({ query }) {
        const filter = query.scope === undefined ? {} : { scope: query.scope };
        const read = (count: number) => audit.entries({ ...filter, limit: count });
        return { body: await readPage(query, { read, idOf: ({ scope, seq }) => `${scope}:${seq}` }) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/audit/verification',
      summary: 'Recompute every audit chain and say where one is broken',
      action: 'read',
      response: z.strictObject({ valid: z.boolean(), chains: z.array(Chain) }),
      async handle() {
        const scopes = await audit.scopes();
        const chains = await Promise.all(scopes.map(async (scope) => ({ scope, ...(await audit.verify(scope)) })));
        return { body: { valid: chains.every(({ valid }) => valid), chains } };
      },
    }),
  ];
}
