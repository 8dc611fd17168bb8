/** Feature views: materialise, and how far they are. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import type { ApiDependencies } from '../dependencies.js';
import { readTime } from '../present.js';
import { requireDeclared } from '../require-declared.js';
import { MaterializationAnswer } from '../responses.js';
import { param, type Route, route } from '../route.js';

const MaterializationId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const MaterializeBody = z
  .strictObject({
    through: z.union([z.string(), z.number().int()]).optional().meta({
      description: 'Last cut to compute: ISO 8601 or microseconds; never later than now, which is the default',
    }),
    materializationId: MaterializationId.optional().meta({ description: 'Makes a repeated call the same run' }),
  })
  .meta({ examples: [{ through: '2001-03-01T06:00:00Z' }] });
const StartedMaterialization = z.strictObject({
  materializationId: z.string(),
  view: z.string(),
  workflowId: z.string(),
});
const MaterializationRun = StartedMaterialization.extend({
  state: z.enum(['running', 'completed', 'failed']),
  /** Why it failed. */
  problem: z.string().nullable(),
});

export function featureRoutes({ stores, workflows }: ApiDependencies): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/feature-views/:view/materializations',
      summary: 'Compute missing and outdated rows of a feature view and bring the newest ones online',
      action: 'contribute',
      status: 202,
      body: MaterializeBody,
      response: StartedMaterialization,
      async handle(call) {
        const view = param(call, 'view');
        await requireDeclared(stores, 'FeatureView', view);
        const { materializationId = call.mintId('materialization') } = call.body;
        const { through } = call.body;
        const until = through === undefined ? {} : { through: readTime(through) };
        const input = { materializationId, view, ...until, requestedBy: call.actor.name };
        const workflowId = await workflows.materializeFeatures(input);
        const location = `/v1/feature-views/${view}/materializations/${materializationId}`;
        return { location, body: { materializationId, view, workflowId } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/feature-views/:view/materializations/:materialization',
      summary: 'Whether a materialisation still runs, and why it failed',
      action: 'read',
      response: MaterializationRun,
      async handle(call) {
        const [view, materializationId] = [param(call, 'view'), param(call, 'materialization')];
        await requireDeclared(stores, 'FeatureView', view);
        if (!MaterializationId.safeParse(materializationId).success)
          throw new DomainError('PRN_RESOURCE_NOT_FOUND', {
            kind: 'materialization',
            name: materializationId,
            hint: '',
          });
        return { body: { materializationId, view, ...(await workflows.materialization(view, materializationId)) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/feature-views/:view/materialization',
      summary: 'How far a feature view is materialised',
      action: 'read',
      response: MaterializationAnswer,
      async handle(call) {
        const view = param(call, 'view');
        await requireDeclared(stores, 'FeatureView', view);
        const state = await stores.features.state(view);
        return {
          body: state ?? { view, viewRevision: null, throughCut: null, commitSeq: null, sinceSeq: null, seq: 0 },
        };
      },
    }),
  ];
}
