/** Feature views: materialise, and how far they are. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import type { ApiDependencies } from '../dependencies.js';
import { readTime } from '../present.js';
import { param, type Route, route } from '../route.js';

const MaterializeBody = z.strictObject({
  through: z
    .union([z.string(), z.number().int()])
    .meta({ description: 'Last cut to compute: ISO 8601 or microseconds' }),
  materializationId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
});

export function featureRoutes({ stores, workflows }: ApiDependencies): Route[] {
  const requireView = async (name: string): Promise<void> => {
    if ((await stores.resources.get('FeatureView', name)) === null)
      throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'FeatureView', name, hint: '' });
  };
  return [
    route({
      method: 'post',
      path: '/v1/feature-views/:view/materializations',
      summary: 'Compute missing and outdated cuts of a feature view and bring the newest rows online',
      action: 'contribute',
      body: MaterializeBody,
      async handle(call) {
        const view = param(call, 'view');
        await requireView(view);
        const { through, materializationId = randomUUID() } = call.body;
        const workflowId = await workflows.materializeFeatures({
          materializationId,
          view,
          through: readTime(through),
          requestedBy: call.actor.name,
        });
        return {
          status: 202,
          location: `/v1/feature-views/${view}/materialization`,
          body: { materializationId, view, workflowId },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/feature-views/:view/materialization',
      summary: 'How far a feature view is materialised',
      action: 'read',
      async handle(call) {
        await requireView(param(call, 'view'));
        const view = param(call, 'view');
        const state = await stores.features.state(view);
        return { body: state ?? { view, viewRevision: null, throughCut: null, commitSeq: null, seq: 0 } };
      },
    }),
  ];
}
