/** Experiments: named groups of runs. The runs of a model are in the experiment of its name. */
import { z } from 'zod';
import { Experiment, LifecycleStage, TRACKING_LIMITS } from '../../domain/tracking.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery } from '../paging.js';
import { param, type Route, route } from '../route.js';
import { requireExperiment } from './run-answers.js';
import { TagChanges } from './run-records.js';

const ExperimentName = z.string().trim().min(1).max(TRACKING_LIMITS.experimentName);
const CreateBody = z
  .strictObject({ name: ExperimentName, tags: TagChanges.default([]) })
  .meta({ examples: [{ name: 'flight-delay', tags: [{ key: 'team', value: 'ops-research' }] }] });
const ChangeBody = z
  .strictObject({
    name: ExperimentName.optional(),
    lifecycle: LifecycleStage.optional(),
    tags: TagChanges.optional().meta({ description: 'Null takes a tag away' }),
  })
  .meta({ examples: [{ lifecycle: 'deleted' }, { tags: [{ key: 'team', value: null }] }] });
const ListQuery = PageQuery.extend({
  name: z.string().optional(),
  view: z.enum(['active', 'deleted', 'all']).default('active'),
});

export function experimentRoutes({ stores }: ApiDependencies): Route[] {
  const { experiments } = stores;
  return [
    route({
      method: 'get',
      path: '/v1/experiments',
      summary: 'Experiments, newest first',
      action: 'read',
      query: ListQuery,
      response: pageOf(Experiment),
      async handle({ query: { name, view, limit, after = null } }) {
        if (name !== undefined) {
          const found = await experiments.byName(name);
          return { body: { items: found === null ? [] : [found], next: null } };
        }
        const lifecycle = view === 'all' ? null : view;
        const found = await experiments.list({ lifecycle, after, limit: limit + 1 });
        const items = found.slice(0, limit);
        return { body: { items, next: found.length > limit ? (items.at(-1)?.experimentId ?? null) : null } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/experiments',
      summary: 'Make an experiment',
      action: 'contribute',
      status: 201,
      body: CreateBody,
      response: Experiment,
      async handle({ body: { name, tags } }) {
        const given = tags.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }]));
        const made = await experiments.create({ name, tags: given });
        return { location: `/v1/experiments/${made.experimentId}`, body: made };
      },
    }),
    route({
      method: 'get',
      path: '/v1/experiments/:experiment',
      summary: 'One experiment',
      action: 'read',
      response: Experiment,
      handle: async (call) => ({ body: await requireExperiment(experiments, param(call, 'experiment')) }),
    }),
    route({
      method: 'patch',
      path: '/v1/experiments/:experiment',
      summary: 'Rename an experiment, set its tags, delete or restore it',
      action: 'contribute',
      body: ChangeBody,
      response: Experiment,
      async handle(call) {
        const { experimentId } = await requireExperiment(experiments, param(call, 'experiment'));
        return { body: await experiments.update(experimentId, call.body) };
      },
    }),
  ];
}
