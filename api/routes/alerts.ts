/** Alerts: findings somebody must act on. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { Alert } from '../../domain/monitoring.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { param, type Route, route } from '../route.js';

export function alertRoutes({ stores, now }: ApiDependencies): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/alerts',
      summary: 'Alerts, newest first, with what became of them',
      action: 'read',
      query: PageQuery.extend({ endpoint: z.string().optional(), model: z.string().optional() }),
      response: pageOf(Alert),
      async handle({ query }) {
        const { endpoint, model } = query;
        const filter = { ...(endpoint !== undefined && { endpoint }), ...(model !== undefined && { model }) };
        const read = (count: number) => stores.monitoring.alerts({ ...filter, limit: count });
        return { body: await readPage(query, { read, idOf: ({ alertId }) => alertId }) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/alerts/:alert/acknowledgements',
      summary: 'Say that you have seen an alert',
      action: 'operate',
      response: Alert,
      async handle(call) {
        const alertId = param(call, 'alert');
        const actor = call.actor.name;
        const alert = await stores.monitoring.acknowledgeAlert(alertId, actor);
        if (alert === null) throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'alert', name: alertId, hint: '' });
        const details = { monitor: alert.monitor, windowEnd: alert.windowEnd };
        const facts = { scope: `endpoint/${alert.endpoint}`, actor, action: 'alert.acknowledged', subject: alertId };
        await stores.audit.append({ ...facts, details }, now());
        return { body: alert };
      },
    }),
  ];
}
