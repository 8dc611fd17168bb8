/** The story from raw data to a retrained model, and the summary of it. */
import { readdir, readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { MICROS_PER_HOUR, addMicros } from '../../domain/time.js';
import { compareAfterPromotion } from './comparison.js';
import { REPLAY_FROM } from './data.js';
import { ingest, materialize } from './data-chapter.js';
import {
  closePipeline,
  decide,
  followPipeline,
  openRollout,
  showEvidence,
  waitForFirstStep,
} from './pipeline-chapter.js';
import { newPipeline, observe, type Replay, replayDay, tellOutcomes } from './replay-chapter.js';
import { type StorySummary, summarise } from './summary.js';
import { Alerts, Pipelines, Versions } from './wire.js';
import { day, ENDPOINT, MODEL, stableId, type World } from './world.js';

export async function tellStory(world: World): Promise<StorySummary> {
  const { show, api, flights } = world;
  show.stage('1  Declare datasets, features, model and monitors; ingest January and February');
  await applyResources(world);
  const history = await ingest(world, flights.history);
  show.fact(
    `${history.accepted} flights accepted, ${history.quarantined} in quarantine${history.unchanged ? ' (known from an earlier run)' : ''}`,
  );
  for (const warning of history.warnings) show.fact(`warning: ${warning.slice(0, 160)}`);

  const finished = (await earlierVersions(world)).length > 0 && (await replayIsOver(world));
  if (finished)
    show.fact('this folder has lived through the story before: reusing its versions, windows and predictions');
  else await liveThrough(world);

  show.stage('8  What the new version was worth');
  await compareAfterPromotion(world);
  show.stage('9  Summary');
  const summary = await summarise(world);
  const versions = Versions.parse(await api.get(`/v1/models/${MODEL}/versions`)).items;
  show.fact(versions.map(({ version, stage }) => `version ${version}: ${stage}`).join(', '));
  return summary;
}

async function liveThrough(world: World): Promise<void> {
  const { show, api } = world;
  show.stage('2  Compute the feature views as they could have been known, bring them online');
  await materialize(world, REPLAY_FROM);

  show.stage('3  Train version 1, judge it on the last two weeks of February');
  const requestId = stableId('first-training');
  const { pipelineId } = (await api.post(`/v1/models/${MODEL}/runs`, {
    requestId,
    reason: 'first training',
    asOf: '2001-03-01T12:00:00Z',
  })) as { pipelineId: string };
  const first = await followPipeline(world, pipelineId);
  if (first.version === null)
    throw new Error(`no version came of the first training: ${first.outcome} ${first.reasons.join('; ')}`);
  await showEvidence(world, first.version);

  show.stage('4  Staging checks passed; a person decides');
  if (first.stage === 'awaiting_approval') await decide(world, first);
  show.stage('5  First rollout: no champion yet, so all traffic at once');
  await closePipeline(world, pipelineId);

  show.stage('6  Replay 1 March to 31 May, day by day; 7  watch it');
  await replay(world, new Set([pipelineId]));
}

async function replay(world: World, known: Set<string>): Promise<void> {
  const { show, flights } = world;
  const state: Replay = { waiting: [], predictions: 0, groundTruth: 0 };
  let alertsShown = 0;
  let running: string | null = null;
  for (const today of flights.days) {
    await replayDay(world, state, today);
    alertsShown = await showNewAlerts(world, alertsShown);
    const fresh = await newPipeline(world, known);
    if (fresh !== null) {
      known.add(fresh.pipelineId);
      show.fact(`${day(today.to)}: pipeline ${fresh.pipelineId} started by ${fresh.trigger}, now ${fresh.stage}`);
      if (fresh.version !== null) await showEvidence(world, fresh.version);
      if (fresh.stage === 'awaiting_approval') await decide(world, fresh);
      running = fresh.pipelineId;
      await waitForFirstStep(world, fresh.pipelineId);
    }
    running = await showRollout(world, { running, date: day(today.to) });
  }
  const last = flights.days.at(-1);
  if (last === undefined) return;
  await tellOutcomes(world, state, addMicros(last.to, 12 * MICROS_PER_HOUR));
  await observe(world, addMicros(last.to, 12 * MICROS_PER_HOUR));
  if (running !== null) await closePipeline(world, running);
  show.fact(`${state.predictions} predictions answered, ${state.groundTruth} outcomes posted`);
}

let shownStep = '';

/** Says when a rollout moved on; returns null once the pipeline it belongs to has ended. */
async function showRollout(world: World, at: { running: string | null; date: string }): Promise<string | null> {
  if (at.running === null) return null;
  const rollout = await openRollout(world);
  if (rollout === null) {
    await closePipeline(world, at.running);
    return null;
  }
  const step = rollout.steps.at(-1);
  const text = `rollout to version ${rollout.version}: ${step?.kind ?? rollout.state} ${step?.weight ?? ''} %`;
  if (text !== shownStep) world.show.fact(`${at.date}: ${text}`);
  shownStep = text;
  return at.running;
}

async function showNewAlerts({ api, show }: World, shown: number): Promise<number> {
  const { items } = Alerts.parse(await api.get(`/v1/alerts?endpoint=${ENDPOINT}`));
  for (const alert of items.slice(0, items.length - shown).toReversed()) {
    const verb = alert.severity === 'page' ? 'ALERT' : 'note';
    const consequence = alert.action === 'none' ? '' : ` → ${alert.outcome}`;
    show.fact(`${verb}: ${alert.monitor}, window ending ${day(alert.windowEnd)}: ${alert.explanation}${consequence}`);
  }
  return items.length;
}

/** The same documents, with models trained in Python where the command line says so. */
function withTrainer(documents: readonly unknown[], { trainer }: World['options']): unknown[] {
  return documents.map((document) => {
    const model = PlainModel.safeParse(document);
    if (trainer === null || !model.success) return document;
    const { parameters: _ofBuiltIn, ...kept } = model.data.spec.trainer;
    return { ...model.data, spec: { ...model.data.spec, trainer: { ...kept, kind: 'python', name: trainer } } };
  });
}

const PlainModel = z.looseObject({
  kind: z.literal('Model'),
  spec: z.looseObject({ trainer: z.looseObject({ parameters: z.unknown() }) }),
});

async function applyResources({ api, options }: World): Promise<void> {
  // Compiled code lies in dist/, the YAML beside its source.
  const folder = new URL('../../../examples/flights/resources/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const documents = await Promise.all(
    files.map(async (name) =>
      parseAllDocuments(await readFile(new URL(name, folder), 'utf8')).map((document) => document.toJS() as unknown),
    ),
  );
  await api.put('/v1/resources', withTrainer(documents.flat(), options));
}

async function earlierVersions({ api }: World) {
  return Versions.parse(await api.get(`/v1/models/${MODEL}/versions`)).items;
}

async function replayIsOver({ api, flights }: World): Promise<boolean> {
  const endpoint = (await api.get(`/v1/endpoints/${ENDPOINT}`)) as { watermark: string | null };
  const { items } = Pipelines.parse(await api.get(`/v1/pipelines?model=${MODEL}`));
  const last = flights.days.at(-1);
  const over = last !== undefined && endpoint.watermark !== null && Date.parse(endpoint.watermark) * 1_000 >= last.to;
  return over && items.every(({ stage }) => stage === 'closed');
}
