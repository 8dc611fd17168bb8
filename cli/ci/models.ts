/** Models of a change: asked for once for each revision, followed to the verdict, with the evidence it rests on. */
import { type ModelSpec, viewUses } from '../../domain/model.js';
import { ModelCard } from '../../domain/model-card.js';
import { Pipeline } from '../../domain/pipeline.js';
import { EvaluatedModel } from '../../domain/training.js';
import { ApiError, memberOf } from '../client.js';
import { apiPath } from '../path.js';
import { follow, StoppedWaiting } from './follow.js';
import { type ModelVerdict, outcomeOf, withoutPipeline } from './report.js';
import type { CiRun } from './run.js';

export interface JudgedModel {
  readonly model: string;
  readonly spec: ModelSpec;
}

/** What is read of a pipeline as the API answers it, with its times as text. */
const FollowedPipeline = Pipeline.pick({ stage: true, outcome: true, version: true, reasons: true }).strip();

/** Evidence of a candidate as the API answers it. */
const JudgedCandidate = EvaluatedModel.extend({ card: ModelCard });

/** Brings the views that these models read up to their datasets; returns why one could not be. */
export async function bringViewsUp(run: CiRun, models: readonly JudgedModel[]): Promise<string[]> {
  const { api, asOf, patience } = run;
  const views = new Set(models.flatMap(({ spec }) => viewUses(spec).map(({ view }) => view)));
  const problems: string[] = [];
  for (const view of views) {
    run.stage(`${view}: computing features`);
    const through = asOf === undefined ? {} : { through: asOf };
    const started = await api.post(apiPath`/v1/feature-views/${view}/materializations`, through);
    const id = String(memberOf(started, 'materializationId'));
    const path = apiPath`/v1/feature-views/${view}/materializations/${id}`;
    const ended = await follow(api, { path, what: `the materialisation of ${view}`, patience }, (body) =>
      memberOf(body, 'state') === 'running' ? undefined : body,
    );
    if (memberOf(ended, 'state') === 'failed')
      problems.push(`feature view ${view} could not be computed: ${String(memberOf(ended, 'problem'))}`);
  }
  return problems;
}

/** Asks for the training; the same revision again is the same pipeline. */
export async function requestTraining(run: CiRun, { model }: JudgedModel): Promise<ModelVerdict> {
  const { api, codeRevision, asOf } = run;
  if (memberOf(await api.get(apiPath`/v1/models/${model}`), 'paused') === true)
    return withoutPipeline(model, 'undecided', `its training is paused; \`perennial resume ${model}\` goes on with it`);
  const reason = `code revision ${codeRevision}`;
  const asked = { codeRevision, reason, ...(asOf !== undefined && { asOf }) };
  const started = await api.post(apiPath`/v1/models/${model}/runs`, asked);
  const pipelineId = String(memberOf(started, 'pipelineId'));
  return { model, outcome: 'started', pipelineId, stage: null, version: null, reasons: [], evidence: null, card: null };
}

/** Follows a pipeline to its verdict. One that is not waited for any longer is undecided. */
export async function followTraining(run: CiRun, started: ModelVerdict): Promise<ModelVerdict> {
  const { model, pipelineId } = started;
  if (pipelineId === null) return started;
  let last = '';
  try {
    const what = `pipeline ${pipelineId} of ${model}`;
    const pipeline = await follow(
      run.api,
      { path: apiPath`/v1/pipelines/${pipelineId}`, what, patience: run.patience },
      (body) => {
        const found = FollowedPipeline.parse(body);
        if (found.stage !== last) run.stage(`${model}: ${found.stage.replaceAll('_', ' ')}`);
        last = found.stage;
        return outcomeOf(found) === null ? undefined : found;
      },
    );
    const { stage, outcome, version, reasons } = pipeline;
    const verdict = outcomeOf(pipeline) ?? 'undecided';
    const why = verdict === 'passed' || reasons.length > 0 ? reasons : [outcome.replaceAll('_', ' ')];
    return { ...started, outcome: verdict, stage, version, reasons: why, ...(await evidenceOf(run, pipelineId)) };
  } catch (error) {
    if (!(error instanceof StoppedWaiting)) throw error;
    const again = `Ask again with the same revision, or see \`perennial pipelines show ${pipelineId}\`.`;
    return { ...started, outcome: 'undecided', stage: last || 'queued', reasons: [`${error.message} ${again}`] };
  }
}

async function evidenceOf({ api }: CiRun, pipelineId: string): Promise<Pick<ModelVerdict, 'evidence' | 'card'>> {
  try {
    const { evidence, card } = JudgedCandidate.parse(await api.get(apiPath`/v1/pipelines/${pipelineId}/evidence`));
    return { evidence, card };
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'PRN_PIPELINE_NOT_JUDGED') throw error;
    return { evidence: null, card: null };
  }
}
