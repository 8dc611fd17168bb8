/** Pipelines: where each training attempt stands. Answered from documents, never from Temporal's visibility. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { ModelCard, modelCard } from '../../domain/model-card.js';
import { Pipeline } from '../../domain/pipeline.js';
import { EvaluatedModel, TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import type { Stores } from '../../store/contracts/index.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { param, type Route, route } from '../route.js';

const JudgedAnswer = EvaluatedModel.extend({ card: ModelCard });

export function pipelineRoutes({ stores }: ApiDependencies): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/pipelines',
      summary: 'Training pipelines, newest first',
      action: 'read',
      query: PageQuery.extend({ model: z.string().optional() }),
      response: pageOf(Pipeline),
      async handle({ query }) {
        const { model } = query;
        const filter = model === undefined ? {} : { model };
        const read = (count: number) => stores.lifecycles.pipelines({ ...filter, limit: count });
        return { body: await readPage(query, { read, idOf: ({ pipelineId }) => pipelineId }) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/pipelines/:pipeline',
      summary: 'One pipeline',
      action: 'read',
      response: Pipeline,
      handle: async (call) => ({ body: await requirePipeline(stores, param(call, 'pipeline')) }),
    }),
    route({
      method: 'get',
      path: '/v1/pipelines/:pipeline/evidence',
      summary: 'Metrics, gate results and card of the candidate, also of one that was refused and is no version',
      action: 'read',
      response: JudgedAnswer,
      handle: async (call) => ({ body: await readJudged(stores, param(call, 'pipeline')) }),
    }),
  ];
}

async function requirePipeline({ lifecycles }: Pick<Stores, 'lifecycles'>, pipelineId: string): Promise<Pipeline> {
  const found = await lifecycles.pipeline(pipelineId);
  if (found === null) throw new DomainError('PRN_PIPELINE_NOT_FOUND', { pipelineId });
  return found;
}

async function readJudged(stores: Stores, pipelineId: string): Promise<z.infer<typeof JudgedAnswer>> {
  const { judged, stage, outcome } = await requirePipeline(stores, pipelineId);
  if (judged === null) throw new DomainError('PRN_PIPELINE_NOT_JUDGED', { pipelineId, stage, outcome });
  const { artifacts } = stores;
  const evaluated = await getJson(artifacts, judged.evaluated, EvaluatedModel);
  const card = modelCard({
    evidence: evaluated.evidence,
    snapshot: await getJson(artifacts, judged.snapshot, TrainingSnapshot),
    dataset: await getJson(artifacts, judged.dataset, TrainingDataset),
    sources: { evidence: judged.evaluated, snapshot: judged.snapshot, dataset: judged.dataset },
  });
  return { ...evaluated, card };
}
