/** `ci`: apply, judge the data, compute features, train and gate what a code revision is to train. */
import type { Resource, ResourceOf } from '../../domain/resources.js';
import { type ApiClient, ApiError, memberOf } from '../client.js';
import type { ReadDocument } from '../documents.js';
import { inReadingOrder, judgeDataset } from './data.js';
import { type Patience, StoppedWaiting } from './follow.js';
import { bringViewsUp, followTraining, type JudgedModel, requestTraining } from './models.js';
import {
  type AppliedResource,
  type CiReport,
  type DataVerdict,
  type ModelVerdict,
  overall,
  withoutPipeline,
} from './report.js';

export interface CiRun {
  readonly api: ApiClient;
  readonly codeRevision: string;
  /** Moment of knowledge, ISO 8601; now if undefined. */
  readonly asOf?: string | undefined;
  readonly patience: Patience;
  /** Hears what begins. */
  readonly stage: (message: string) => void;
}

export interface CiRequest {
  readonly documents: readonly ReadDocument[];
  /** Files with rows, by dataset. */
  readonly tables: readonly { readonly dataset: string; readonly file: string }[];
  /** Whether to follow trainings to their verdict; data and features are waited for in any case. */
  readonly wait: boolean;
}

/** What the documents, data and models are refused for is part of the report. Throws where the installation cannot be asked. */
export async function runCi(run: CiRun, { documents, tables, wait }: CiRequest): Promise<CiReport> {
  const resources = documents.map(({ resource }) => resource);
  run.stage(`applying ${resources.length} resources`);
  const contents = documents.map(({ content }) => content);
  const applied = await run.api.put('/v1/resources', contents).then(appliedIn, reasonsOf);
  if ('reasons' in applied)
    return { codeRevision: run.codeRevision, outcome: 'refused', ...applied, applied: [], data: [], models: [] };
  const data: DataVerdict[] = [];
  const datasets = ofKind(resources, 'Dataset').map(({ metadata: { name: dataset }, spec }) => {
    return { dataset, spec, file: tables.find((table) => table.dataset === dataset)?.file };
  });
  for (const dataset of inReadingOrder(datasets)) data.push(await judgeDataset(run, dataset));
  const models = await judgeModels(run, { resources, isDataFit: overall(data) === 'passed', wait });
  const outcome = overall([...data, ...models]);
  return { codeRevision: run.codeRevision, outcome, reasons: [], ...applied, data, models };
}

async function judgeModels(
  run: CiRun,
  { resources, isDataFit, wait }: { resources: readonly Resource[]; isDataFit: boolean; wait: boolean },
): Promise<ModelVerdict[]> {
  const all = ofKind(resources, 'Model').map(({ metadata: { name: model }, spec }) => ({ model, spec }));
  const trained = all.filter(({ spec }) => spec.retraining.on.includes('code'));
  const others = all
    .filter(({ spec }) => !spec.retraining.on.includes('code'))
    .map(({ model }) => withoutPipeline(model, 'skipped', 'only applied: its retraining.on does not list code'));
  if (!isDataFit)
    return [
      ...trained.map(({ model }) => withoutPipeline(model, 'skipped', 'not trained on data that did not pass')),
      ...others,
    ];
  return [...(await train(run, trained, wait)), ...others];
}

async function train(run: CiRun, models: readonly JudgedModel[], wait: boolean): Promise<ModelVerdict[]> {
  const problems = await bringViewsUp(run, models).catch((error: unknown) => {
    if (error instanceof StoppedWaiting) return [error.message];
    throw error;
  });
  if (problems.length > 0) return models.map(({ model }) => withoutPipeline(model, 'undecided', problems.join('; ')));
  const started: ModelVerdict[] = [];
  for (const model of models) started.push(await requestTraining(run, model));
  if (!wait) return started;
  const followed: ModelVerdict[] = [];
  for (const verdict of started) followed.push(await followTraining(run, verdict));
  return followed;
}

function ofKind<K extends Resource['kind']>(resources: readonly Resource[], kind: K): ResourceOf<K>[] {
  return resources.filter((resource): resource is ResourceOf<K> => resource.kind === kind);
}

function appliedIn(body: unknown): Pick<CiReport, 'applied'> {
  // The border: the API's own answer.
  return { applied: memberOf(body, 'applied') as AppliedResource[] };
}

/** A document that the installation refuses is a refusal of the change; anything else is thrown on. */
function reasonsOf(error: unknown): Pick<CiReport, 'reasons'> {
  if (error instanceof ApiError && error.status >= 400 && /^PRN_(RESOURCE|EXPRESSION)_/.test(error.code))
    return { reasons: [`${error.code}: ${error.message}`] };
  throw error;
}
