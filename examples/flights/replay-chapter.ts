/** The replay: day by day features, traffic, outcomes, arrivals, and the passing of time. */
import type { Departure, ReplayDay } from './data.js';
import { ingest, materialize } from './data-chapter.js';
import { followPipeline, openRollout } from './pipeline-chapter.js';
import { Endpoint, InferAnswer, Pipelines, Requests, Rollouts, type Pipeline } from './wire.js';
import { day, ENDPOINT, iso, MODEL, type World } from './world.js';

const ROWS_PER_REQUEST = 20;
const KNOWN_AFTER_MICROS = 12 * 3_600_000_000;

interface Answered {
  readonly predictionId: string;
  readonly departure: Departure;
}

export interface Replay {
  /** Answered and not yet told how it turned out. */
  readonly waiting: Answered[];
  predictions: number;
  groundTruth: number;
}

/** One day, 06:00 to 06:00: cut, departures, outcomes of those that are known by its end, arrivals, watermark. */
export async function replayDay(world: World, replay: Replay, today: ReplayDay): Promise<void> {
  await materialize(world, today.from);
  const departures = await world.flights.departures(today);
  for (let from = 0; from < departures.length; from += ROWS_PER_REQUEST) {
    replay.waiting.push(...(await predict(world, departures.slice(from, from + ROWS_PER_REQUEST))));
  }
  replay.predictions += departures.length;
  await tellOutcomes(world, replay, today.to);
  await ingest(world, today.arrivals);
  await observe(world, today.to);
  world.show.progress(`${day(today.from)}: ${replay.predictions} predictions, ${replay.groundTruth} outcomes`);
}

async function predict({ servingUrl }: World, departures: readonly Departure[]): Promise<Answered[]> {
  const column = (name: string, datatype: string, data: readonly (string | number)[]): unknown => ({
    name,
    datatype,
    shape: [data.length],
    data,
  });
  const inputs = [
    column(
      'origin',
      'BYTES',
      departures.map(({ origin }) => origin),
    ),
    column(
      'destination',
      'BYTES',
      departures.map(({ destination }) => destination),
    ),
    column(
      'distance',
      'FP32',
      departures.map(({ distance }) => distance),
    ),
    column(
      'departed_ts',
      'INT64',
      departures.map(({ departedTs }) => departedTs),
    ),
  ];
  const answer = InferAnswer.parse(
    await post(`${servingUrl}/v2/models/${ENDPOINT}/infer`, { inputs, outputs: [{ name: 'prediction_id' }] }),
  );
  const ids = answer.outputs[0]?.data ?? [];
  return departures.map((departure, row) => ({ predictionId: String(ids[row]), departure }));
}

/** Posts the outcomes that are known at `now`, each stamped with the moment it became known. */
export async function tellOutcomes({ servingUrl }: World, replay: Replay, now: number): Promise<void> {
  const known = replay.waiting.filter(({ departure }) => departure.departedTs + KNOWN_AFTER_MICROS <= now);
  if (known.length === 0) return;
  const labels = known.map(({ predictionId, departure }) => ({
    predictionId,
    label: departure.late,
    knownTs: departure.departedTs + KNOWN_AFTER_MICROS,
  }));
  await post(`${servingUrl}/v1/endpoints/${ENDPOINT}/ground-truth`, { labels });
  replay.waiting.splice(0, replay.waiting.length, ...replay.waiting.filter((answered) => !known.includes(answered)));
  replay.groundTruth += known.length;
}

/** Moves the clock, and waits until everything that lives by it has acted. */
export async function observe(world: World, watermark: number): Promise<void> {
  const { api } = world;
  const before = await openRollout(world);
  await api.post(`/v1/endpoints/${ENDPOINT}/watermarks`, { watermark: iso(watermark) });
  await api.poll(
    `/v1/endpoints/${ENDPOINT}`,
    (body) => ((Endpoint.parse(body).watermark ?? 0) >= watermark ? true : undefined),
    { everyMs: 50 },
  );
  if (before !== null) await waitForJudgement(world, before.rolloutId, watermark);
  await waitForDueRequests(world, watermark);
}

/** A request whose time has come is taken up within moments. */
async function waitForDueRequests({ api }: World, watermark: number): Promise<void> {
  await api.poll(`/v1/models/${MODEL}/retraining-requests`, (body) => {
    const due = Requests.parse(body).items.filter(
      ({ state, notBefore }) => state === 'queued' && (notBefore ?? 0) <= watermark,
    );
    return due.length === 0 ? true : undefined;
  });
}

async function waitForJudgement({ api }: World, rolloutId: string, watermark: number): Promise<void> {
  await api.poll(`/v1/endpoints/${ENDPOINT}/rollouts`, (body) => {
    const rollout = Rollouts.parse(body).items.find((each) => each.rolloutId === rolloutId);
    if (rollout === undefined || rollout.endedTs !== null) return true;
    const step = rollout.steps.at(-1);
    // Either the step was judged at this moment, or the next one has begun at it.
    return (rollout.judgedAt ?? 0) >= watermark || (step?.startedAt ?? 0) >= watermark ? true : undefined;
  });
  // The next step, if this judgement opened one, writes its routes within moments.
  await new Promise((resolve) => setTimeout(resolve, 400));
}

/** A pipeline that started since; it trains while the replay waits, so that days do not pass meanwhile. */
export async function newPipeline(world: World, known: ReadonlySet<string>): Promise<Pipeline | null> {
  const { items } = Pipelines.parse(await world.api.get(`/v1/pipelines?model=${MODEL}`));
  const fresh = items.find(({ pipelineId }) => !known.has(pipelineId));
  return fresh === undefined ? null : followPipeline(world, fresh.pipelineId);
}

async function post(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text);
}
