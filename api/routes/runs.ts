/** Runs: begin, change, hold, search and compare them. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { durationMicros, Duration } from '../../domain/duration.js';
import { didYouMean } from '../../domain/names.js';
import { compareRuns, RunComparison } from '../../domain/run-comparison.js';
import { parseRunFilter, parseRunOrder } from '../../domain/run-search/parse.js';
import {
  DEFAULT_EXPERIMENT,
  LifecycleStage,
  PARENT_TAG,
  RunStatus,
  RunWriter,
  TRACKING_LIMITS,
} from '../../domain/tracking.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery } from '../paging.js';
import { readTime } from '../present.js';
import { param, type Route, route } from '../route.js';
import { requireExperiment, requireRun, requireRunInfo, RunAnswer, runAnswer } from './run-answers.js';
import { Epoch, heldEpoch } from './run-lease.js';
import { TagChanges } from './run-records.js';

const RunName = z.string().trim().min(1).max(TRACKING_LIMITS.runName);
const Time = z.union([z.string(), z.number().int()]).meta({ description: 'ISO 8601 or microseconds' });
const MOST_COMPARED = 50;
/** Clients of MLflow send one or two; each further field may triple the queries. */
const MOST_ORDERS = 5;
const LONGEST_TOKEN = 16_000;

const CreateBody = z
  .strictObject({
    experiment: z.string().trim().min(1).max(TRACKING_LIMITS.experimentName).optional().meta({
      description: 'Its name; made if there is none. Without it and an id the experiment is Default',
    }),
    experimentId: z.string().optional(),
    name: RunName.optional().meta({ description: 'Invented where it is left out' }),
    parentRunId: z.string().optional().meta({ description: 'Of the run that this one is nested in' }),
    status: z.enum(['RUNNING', 'SCHEDULED']).default('RUNNING'),
    startTs: Time.optional(),
    tags: TagChanges.default([]),
  })
  .meta({ examples: [{ experiment: 'flight-delay', name: 'by hand', tags: [{ key: 'team', value: 'ops' }] }] });

const ChangeBody = z
  .strictObject({
    name: RunName.optional(),
    status: RunStatus.optional(),
    cause: z.string().max(TRACKING_LIMITS.tagValue).optional().meta({ description: 'Why it failed or was ended' }),
    endTs: Time.optional(),
    lifecycle: LifecycleStage.optional(),
    epoch: Epoch,
  })
  .meta({ examples: [{ status: 'FINISHED' }, { status: 'FAILED', cause: 'out of memory' }] });

const LeaseBody = z
  .strictObject({
    owner: z.string().trim().min(1).max(TRACKING_LIMITS.key),
    for: Duration.meta({ description: 'Without a write for so long the run counts as lost' }),
    epoch: Epoch.meta({ description: 'Renews this lease; without it the caller takes over what nobody holds' }),
  })
  .meta({ examples: [{ owner: 'trainer-7', for: '2m' }] });

const SearchQuery = PageQuery.extend({
  experiment: z.string().optional().meta({ description: 'Name of an experiment' }),
  experimentId: z.string().optional(),
  filter: z
    .string()
    .default('')
    .meta({
      description: 'Conditions joined by AND on metrics., params., tags., attributes. and datasets., as in MLflow',
      examples: ["metrics.log_loss < 0.4 AND params.depth = '6'"],
    }),
  orderBy: z
    .union([z.string(), z.array(z.string()).max(MOST_ORDERS)])
    .default([])
    .meta({
      description: `A field with ASC or DESC; may be given up to ${MOST_ORDERS} times`,
      examples: ['metrics.log_loss'],
    }),
  view: z.enum(['active', 'deleted', 'all']).default('active'),
  after: z.string().min(1).max(LONGEST_TOKEN).optional().meta({ description: '`next` of the page before' }),
});

const CompareQuery = z.object({
  ids: z
    .string()
    .min(1)
    .meta({ description: `Ids of at most ${MOST_COMPARED} runs, separated by commas` }),
});

export function runRoutes(dependencies: ApiDependencies): Route[] {
  const { stores, now } = dependencies;
  const { experiments, runs } = stores;
  return [
    route({
      method: 'get',
      path: '/v1/runs',
      summary: 'Runs that fulfil a filter, in an order; newest first where none is given',
      action: 'read',
      query: SearchQuery,
      response: pageOf(RunAnswer),
      async handle({ query }) {
        const { view, limit, after = null } = query;
        const found = await runs.search({
          experimentIds: await experimentIds(dependencies, query),
          conditions: parseRunFilter(query.filter),
          order: [query.orderBy].flat().map(parseRunOrder),
          lifecycle: view === 'all' ? null : view,
          limit,
          after,
        });
        return { body: { items: found.runs.map(runAnswer), next: found.next } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs',
      summary: 'Begin a run',
      action: 'contribute',
      status: 201,
      body: CreateBody,
      response: RunAnswer,
      async handle(call) {
        const { body, actor } = call;
        const { name = null, parentRunId, status, startTs } = body;
        const experiment =
          body.experimentId === undefined
            ? await experiments.ensure(body.experiment ?? DEFAULT_EXPERIMENT.name)
            : await requireExperiment(experiments, body.experimentId);
        const tags = body.tags.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }]));
        if (parentRunId !== undefined) {
          await requireRunInfo(runs, parentRunId);
          tags.push({ key: PARENT_TAG, value: parentRunId });
        }
        const made = await runs.create({
          // Under an idempotency key ids are shorter; runs have 32 digits.
          runId: call.mintId('run').replaceAll('-', '').padStart(32, '0'),
          experimentId: experiment.experimentId,
          name,
          userId: actor.name,
          status,
          startTs: startTs === undefined ? now() : readTime(startTs),
          tags,
        });
        return { location: `/v1/runs/${made.runId}`, body: runAnswer(made) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs:compare',
      summary: 'Runs side by side: parameters, latest metrics, tags and datasets, and which of them differ',
      action: 'read',
      query: CompareQuery,
      response: RunComparison,
      async handle({ query }) {
        const ids = query.ids.split(',').map((id) => id.trim());
        if (ids.length > MOST_COMPARED)
          throw new DomainError('PRN_REQUEST_INVALID', { what: 'query', problem: `ids: at most ${MOST_COMPARED}` });
        return { body: compareRuns(await runs.many(ids)) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/:run',
      summary: 'One run with its latest metrics',
      action: 'read',
      response: RunAnswer,
      handle: async (call) => ({ body: runAnswer(await requireRun(runs, param(call, 'run'))) }),
    }),
    route({
      method: 'patch',
      path: '/v1/runs/:run',
      summary: 'End a run, rename, delete or restore it',
      action: 'contribute',
      body: ChangeBody,
      response: RunAnswer,
      async handle(call) {
        const { epoch: _epoch, endTs, ...changes } = call.body;
        const epoch = await heldEpoch(runs, call);
        const end = endTs === undefined ? {} : { endTs: readTime(endTs) };
        const { runId } = await runs.update(param(call, 'run'), { ...changes, ...end }, epoch);
        return { body: runAnswer(await requireRun(runs, runId)) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs/:run/leases',
      summary: 'Become the only writer of a run, or stay it',
      action: 'contribute',
      body: LeaseBody,
      response: RunWriter,
      async handle(call) {
        const { owner } = call.body;
        const epoch = await heldEpoch(runs, call);
        const hold = { owner, actor: call.actor.name, forMicros: durationMicros(call.body.for) };
        const held = await runs.hold(param(call, 'run'), { ...hold, ...(epoch !== null && { epoch }) });
        const { metrics: _latest, ...writer } = held;
        return { body: writer };
      },
    }),
  ];
}

/** Of the experiment that is asked for; of all where none is. Throws `PRN_EXPERIMENT_NOT_FOUND`. */
async function experimentIds(
  { stores }: ApiDependencies,
  {
    experiment: name,
    experimentId,
  }: { readonly experiment?: string | undefined; readonly experimentId?: string | undefined },
): Promise<string[]> {
  if (experimentId !== undefined) return [(await requireExperiment(stores.experiments, experimentId)).experimentId];
  if (name === undefined) return [];
  const found = await stores.experiments.byName(name);
  if (found !== null) return [found.experimentId];
  const known = await stores.experiments.list({ lifecycle: 'active', after: null, limit: 1_000 });
  const hint = didYouMean(
    name,
    known.map((each) => each.name),
  );
  throw new DomainError('PRN_EXPERIMENT_NOT_FOUND', { experiment: name, hint });
}
