/** `train --local`: from documents and files to a judged model, by the code of the pipeline and without servers. */
import { keepEvidence } from '../../activities/evidence-artifact.js';
import type { JobContext } from '../../activities/jobs/context.js';
import { JOBS, type RunJob } from '../../activities/jobs/index.js';
import { computeChunk, pinMaterialization, planChunks } from '../../activities/features.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { createTrainingActivities } from '../../activities/training.js';
import { buildDataset, candidatePlan } from '../../activities/training-compute.js';
import type { TrainingStores } from '../../activities/training-stores.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import { type ModelCard, modelCard } from '../../domain/model-card.js';
import { type ModelSpec, viewUses } from '../../domain/model.js';
import type { ResourceOf } from '../../domain/resources.js';
import { momentOfLabels } from '../../domain/split.js';
import { micros, toIso } from '../../domain/time.js';
import type { TrainerSpec } from '../../domain/trainer.js';
import { EvaluatedModel, TrainedModel, TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { TableEngine } from '../../store/contracts/tables.js';
import { type IngestedTables, ingestTables, type LocalDataset } from './dataset-tables.js';
import { withLocalEngine } from './engine.js';
import { knowledgeWarnings } from './knowledge-warnings.js';
import { findInterpreter, trainInPython } from './python-trainer.js';
import { type LocalResources, loadResources, withResource } from './resources.js';
import { chooseTrainer, trainerName } from './trainer-choice.js';
import { searchLocally } from './search.js';
import { assignFiles, type DataFile, datasetsOfModel } from './training-data.js';
import { requireWritable, writeTraining } from './training-output.js';
import { openTrainingStores } from './training-stores.js';

export interface LocalTrainingRequest {
  /** File or folder with the documents. */
  readonly documents: string;
  /** Which model, where the documents have several. */
  readonly model?: string | undefined;
  readonly data: readonly DataFile[];
  /** See `chooseTrainer`. */
  readonly trainer?: string | undefined;
  /** Moment of knowledge, microseconds. If undefined, the first at which all labels in the file of the spine are known. */
  readonly asOf?: number | undefined;
  /** Folder for what was made; nothing is kept if undefined. */
  readonly out?: string | undefined;
  readonly threads?: number | undefined;
  /** Microseconds: when rows that declare no other time become known. */
  readonly now: number;
  /** Hears how far it is: which stage begins, and what a stage says of itself. */
  readonly onProgress: (message: string, of: 'stage' | 'detail') => void;
}

export interface LocalTraining {
  readonly snapshot: TrainingSnapshot;
  readonly dataset: TrainingDataset;
  readonly trained: TrainedModel;
  readonly evaluated: EvaluatedModel;
  readonly card: ModelCard;
  /** What became of the files. */
  readonly data: IngestedTables['files'];
  readonly warnings: readonly string[];
  /** Paths of what was written, in order. */
  readonly files: readonly string[];
}

/** References to the JSON artefacts of a training, as the steps hand them on. */
export interface TrainingArtifacts {
  readonly snapshot: ArtifactRef;
  readonly dataset: ArtifactRef;
  readonly trained: ArtifactRef;
  readonly evaluated: ArtifactRef;
}

/**
 * The same documents, files and moment of knowledge give the same bundle digest, here and from a pipeline. That gates
 * refuse is a result. Throws `PRN_DATASET_VALIDATION_FAILED` for a file that its dataset refuses, and what the jobs throw.
 */
export async function trainLocally(request: LocalTrainingRequest): Promise<LocalTraining> {
  const read = loadResources(request.documents, { data: request.data.map(({ file }) => file), assumeEndpoints: true });
  const declared = chooseModel(read, request);
  const trainer = chooseTrainer(declared.spec.trainer, request.trainer);
  refuseCommand(trainer);
  const model = { ...declared, spec: { ...declared.spec, trainer } };
  const resources = withResource(read, model, request.documents);
  const wanted = datasetsOfModel(resources, model.spec);
  const tables = assignFiles(resources, { model: model.metadata.name, wanted, data: request.data });
  // What would stop it at the end is looked for before hours are spent.
  const interpreter = trainer.kind === 'python' ? await findInterpreter(trainer.name) : null;
  if (request.out !== undefined) await requireWritable(request.out);
  return withLocalEngine({ threads: request.threads }, async (engines, artifactFolder) => {
    const context: JobContext = { ...engines, progress: ({ message }) => request.onProgress(message, 'detail') };
    request.onProgress(`reading ${tables.map(({ file }) => file).join(', ')}`, 'stage');
    const ingested = await ingestTables({ resources, tables, wanted, now: request.now }, context);
    const run = openRun({ request, resources, ingested, model, artifactFolder, interpreter }, context);
    const artifacts = await trainAndJudge(run);
    return finish(run, artifacts);
  });
}

function chooseModel(
  resources: LocalResources,
  { model, documents }: Pick<LocalTrainingRequest, 'model' | 'documents'>,
): ResourceOf<'Model'> {
  if (model !== undefined) return resources.require('Model', model);
  const models = resources.all('Model');
  const [only, another] = models;
  if (only !== undefined && another === undefined) return only;
  const names = models.map(({ metadata }) => metadata.name).join(', ');
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: documents,
    problem: only === undefined ? 'it declares no Model' : `it declares ${names}`,
    remedy: only === undefined ? 'Add the document of the model.' : 'Name one: `perennial train MODEL --local …`.',
  });
}

function refuseCommand(trainer: TrainerSpec): void {
  if (trainer.kind !== 'command') return;
  const problem = 'commands run on the workers of an installation only; choose another trainer with --trainer';
  throw new DomainError('PRN_TRAINER_COMMAND', { command: trainer.command, problem });
}

interface Run {
  readonly request: LocalTrainingRequest;
  readonly model: ResourceOf<'Model'>;
  readonly ingested: IngestedTables;
  readonly artifactFolder: string;
  /** Of Python, where the trainer needs one. */
  readonly interpreter: string | null;
  readonly context: JobContext;
  readonly stores: TrainingStores;
  readonly tables: TableEngine;
  readonly runJob: RunJob;
  readonly asOf: number;
}

function openRun(
  given: Pick<Run, 'request' | 'model' | 'ingested' | 'artifactFolder' | 'interpreter'> & { resources: LocalResources },
  context: JobContext,
): Run {
  const { resources, ...run } = given;
  const { request, model, ingested } = run;
  return {
    ...run,
    context,
    stores: openTrainingStores(context.artifacts, { resources, ingested }),
    tables: context.tables,
    // The border: names, inputs and results of jobs agree by the type of `RunJob`.
    runJob: (name, input) => JOBS[name](input as never, context) as never,
    asOf: request.asOf ?? momentOf(model.spec, ingested, request.now),
  };
}

/** What is known by then is all that is in the files, as far as it is known at all. */
function momentOf(spec: ModelSpec, { datasets }: IngestedTables, now: number): number {
  const spine = datasets.get(spec.spine.dataset);
  const latest = latestCommit(spine, now);
  if (spine === undefined || spine.spec.knowledge.from === 'commit') return latest;
  const last = Math.max(...spine.segments.map(({ maxEventTs }) => maxEventTs));
  const known = Math.max(...spine.segments.map(({ maxKnownTs }) => maxKnownTs));
  return Math.min(latest, Math.max(momentOfLabels(spec, last), known));
}

function latestCommit(dataset: LocalDataset | undefined, now: number): number {
  return Math.max(now, ...(dataset?.files ?? []).map(({ commitKnownTs }) => commitKnownTs));
}

async function trainAndJudge(run: Run): Promise<TrainingArtifacts> {
  const { model, stores, runJob, asOf, request } = run;
  for (const view of new Set(viewUses(model.spec).map(({ view: name }) => name))) await materialize(run, view);
  const pinning = createTrainingActivities({ ...run, sha256Hex, now: () => asOf });
  const pinned = await pinning.snapshotInputs({ pipelineId: 'local', model: model.metadata.name, asOf });
  const { snapshot } = pinned;
  request.onProgress('joining features as they were known', 'stage');
  const { dataset } = await buildDataset({ stores, runJob }, snapshot);
  request.onProgress(`training with ${trainerName(model.spec.trainer)}`, 'stage');
  const trained = await fit(run, { snapshot, dataset });
  request.onProgress('evaluating on the holdout', 'stage');
  const judged = await runJob('evaluateModel', { snapshot, dataset, trained, champion: null });
  return {
    snapshot,
    dataset,
    trained: judged.trained,
    evaluated: await keepEvidence(stores.artifacts, judged.evidence),
  };
}

async function materialize({ stores, tables, runJob, asOf, request }: Run, view: string): Promise<void> {
  request.onProgress(`computing the features of ${view}`, 'stage');
  const at = await pinMaterialization({ stores, now: () => asOf }, { view, through: asOf });
  if (at.version === null) return;
  const chunks = await planChunks({ stores, tables, sha256Hex }, at, at.version);
  if (chunks.length === 0)
    throw new DomainError('PRN_FEATURE_VIEW_EMPTY', {
      view,
      hint: `: nothing it reads is known at ${toIso(micros(asOf))}`,
    });
  for (const chunk of chunks) await stores.features.commitChunk(await computeChunk({ stores, runJob }, { at, chunk }));
  const { viewRevision, through: throughCut, version } = at;
  const { commitSeq, sinceSeq } = version;
  await stores.features.advance({ view, viewRevision, throughCut, commitSeq, sinceSeq, seq: 0 });
}

async function fit(
  { model, stores, runJob, context, artifactFolder, interpreter, request: { onProgress } }: Run,
  read: { readonly snapshot: ArtifactRef; readonly dataset: ArtifactRef },
): Promise<ArtifactRef> {
  const { trainer } = model.spec;
  const trainElsewhere = async (asked: ArtifactRef): Promise<ArtifactRef> => {
    if (trainer.kind !== 'python' || interpreter === null) throw new TypeError(`${trainer.kind} trains here`);
    return trainInPython(context, { name: trainer.name, interpreter, artifactFolder, request: asked });
  };
  const declared = { ...read, plan: await candidatePlan(stores, read.snapshot) };
  const search = {
    artifacts: context.artifacts,
    runJob,
    trainElsewhere,
    onTrial: (said: string) => onProgress(said, 'detail'),
  };
  const input = {
    ...declared,
    ...(trainer.search !== undefined && { search: await searchLocally(search, declared) }),
  };
  if (trainer.kind !== 'python') return (await runJob('trainModel', input)).trained;
  const { request } = await runJob('prepareTrainerData', { ...input, runId: 'local' });
  const answer = await trainElsewhere(request);
  return (await runJob('adoptTrainedModel', { ...input, request, answer })).trained;
}

async function finish({ request, context, ingested, model }: Run, kept: TrainingArtifacts): Promise<LocalTraining> {
  const { artifacts } = context;
  const snapshot = await getJson(artifacts, kept.snapshot, TrainingSnapshot);
  const dataset = await getJson(artifacts, kept.dataset, TrainingDataset);
  const trained = await getJson(artifacts, kept.trained, TrainedModel);
  const evaluated = await getJson(artifacts, kept.evaluated, EvaluatedModel);
  const sources = { evidence: kept.evaluated, snapshot: kept.snapshot, dataset: kept.dataset };
  const card = modelCard({ evidence: evaluated.evidence, snapshot, dataset, sources, search: trained.search });
  const made = { snapshot, dataset, trained, evaluated, card };
  const files = request.out === undefined ? [] : await writeTraining(request.out, { artifacts, kept, made });
  return { ...made, data: ingested.files, warnings: await warningsOf({ model, ingested, snapshot }, context), files };
}

/** Rows of views' datasets that no row of the training could see. The spine's own are counted by the job itself. */
async function warningsOf(
  of: { model: ResourceOf<'Model'>; ingested: IngestedTables; snapshot: TrainingSnapshot },
  { tables, signal }: JobContext,
): Promise<string[]> {
  const { model, ingested, snapshot } = of;
  const datasets = new Map([...ingested.datasets].filter(([name]) => name !== model.spec.spine.dataset));
  const spine = { lastTime: snapshot.split.holdoutTo };
  return tables.use(
    (session) => knowledgeWarnings(session, { ingested: { ...ingested, datasets }, spine, knowledge: 'as-known' }),
    signal,
  );
}
