/** `POST /v1/features/online`: one plan, one read for each view, the same rules of time as the offline join. */
import type { FrozenView } from '../domain/bundle.js';
import { OnlineFeaturesRequest } from '../domain/online-features.js';
import { readName, type ViewRows } from '../scoring/feature-lookup.js';
import type { OnlinePlan } from '../scoring/online-plan.js';
import type { OnlineRow } from '../store/contracts/features.js';
import type { HistoryReader } from './history-reader.js';
import { parseBody } from './json-body.js';
import type { ServingMetrics } from './metrics.js';
import { answerOf, type FoundRows } from './online-answer.js';
import { observeAnswer } from './online-metrics.js';
import type { OnlinePlans } from './online-plans.js';
import { type OnlineQuestion, readQuestion } from './online-request.js';
import type { VisibleRows } from './visible-rows.js';

export interface OnlineFeatureDependencies {
  readonly plans: OnlinePlans;
  readonly rows: VisibleRows;
  readonly history: HistoryReader;
  readonly metrics: ServingMetrics;
}

/** The answer as JSON text. `now` is wall time in microseconds. */
export async function readOnlineFeatures(
  dependencies: OnlineFeatureDependencies,
  call: { body: string; now: number },
): Promise<string> {
  const startedMs = performance.now();
  const body = parseBody(OnlineFeaturesRequest, call.body);
  const plan = await dependencies.plans.planFor(body);
  const question = readQuestion(body, plan, call.now);
  const asOf = question.asOf ?? call.now;
  const { views, staleMs } =
    question.asOf === null
      ? await readNow(dependencies, { plan, question, now: call.now, maxStaleMs: body.maxStaleMs })
      : { views: await readAsOf(dependencies, { plan, question, asOf }), staleMs: 0 };
  const computed = await computeFeatures({ plan, question, views, asOf });
  const found: FoundRows = {
    plan,
    request: question.request,
    views,
    computed,
    asOf,
    source: question.asOf === null ? 'online' : 'history',
    staleMs,
  };
  const answer = answerOf(found);
  observeAnswer(dependencies.metrics, answer, performance.now() - startedMs);
  return JSON.stringify(answer);
}

/** As far as they count by now. */
async function readNow(
  { rows }: OnlineFeatureDependencies,
  ask: { plan: OnlinePlan; question: OnlineQuestion; now: number; maxStaleMs: number | undefined },
): Promise<{ views: ViewRows[]; staleMs: number }> {
  const { plan, question, now, maxStaleMs } = ask;
  const readings = await Promise.all(
    [...asksByView(plan.views, question)].map(async ([name, { frozen: view, keys }]) => {
      const reading = await rows.read({ view, keys: [...keys], now, whole: plan.whole.has(name), maxStaleMs });
      return [name, reading] as const;
    }),
  );
  const byView = new Map(readings);
  return {
    views: plan.views.map(({ view }, use) => rowsByKey(byView.get(view)?.rows, question.keys[use])),
    staleMs: Math.max(0, ...readings.map(([, { staleMs }]) => staleMs)),
  };
}

/** Views that are read by several keys are still read once, with the features of all uses. */
function asksByView(
  views: readonly FrozenView[],
  { keys }: OnlineQuestion,
): Map<string, { keys: Set<string>; frozen: FrozenView }> {
  const byView = new Map<string, { keys: Set<string>; frozen: FrozenView }>();
  for (const [use, view] of views.entries()) {
    const standing = byView.get(view.view);
    const features = new Set([...(standing?.frozen.features ?? []), ...view.features]);
    const asked = standing?.keys ?? new Set();
    for (const key of keys[use] ?? []) if (key !== null) asked.add(key);
    byView.set(view.view, { keys: asked, frozen: { ...view, features: [...features] } });
  }
  return byView;
}

function readAsOf(
  { history }: OnlineFeatureDependencies,
  { plan, question, asOf }: { plan: OnlinePlan; question: OnlineQuestion; asOf: number },
): Promise<ViewRows[]> {
  return Promise.all(
    plan.views.map(async (view, use) => {
      const keys = question.keys[use] ?? [];
      const asked = [...new Set(keys.filter((key) => key !== null))];
      return rowsByKey(await history.read({ view, keys: asked, asOf }), keys);
    }),
  );
}

function rowsByKey(
  rows: ReadonlyMap<string, OnlineRow> | undefined,
  keys: readonly (string | null)[] | undefined,
): ViewRows {
  return (keys ?? []).map((key) => (key === null ? null : (rows?.get(key) ?? null)));
}

async function computeFeatures(input: {
  plan: OnlinePlan;
  question: OnlineQuestion;
  views: readonly ViewRows[];
  asOf: number;
}): Promise<readonly Float32Array[]> {
  const { plan, question, views, asOf } = input;
  if (plan.computed === null) return [];
  const { request } = question;
  return plan.computed.compute({
    request,
    views: new Map(plan.views.map((view, use) => [readName(view), views[use] ?? []])),
    eventTs: new Float64Array(request.rows).fill(asOf),
  });
}
