/** What happens to a run while it happens, as server-sent events. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { isOver, type MetricPoint, type RunInfo, showMetricValue } from '../../domain/tracking.js';
import type { RunStore } from '../../store/contracts/runs.js';
import type { ApiDependencies } from '../dependencies.js';
import { present } from '../present.js';
import { param, type Route, route, type ServerEvent } from '../route.js';
import { requireRunInfo } from './run-answers.js';

/** How often a run is looked at for news. */
const LOOK_EVERY_MS = 400;
const POINTS_OF_ONE_EVENT = 1_000;

const EventsQuery = z.object({
  after: z.coerce.number().int().nonnegative().default(0).meta({
    description: 'Only points with a greater sequence number; the header `Last-Event-ID` has precedence',
  }),
});

export function runEventRoutes({ stores, eventStreamLimit }: ApiDependencies): Route[] {
  let open = 0;
  return [
    route({
      method: 'get',
      path: '/v1/runs/:run/events',
      summary: 'Metrics and status of a run as they come: events `metrics`, `run` and, when it has ended, `end`',
      action: 'read',
      query: EventsQuery,
      response: z.string(),
      sends: 'text/event-stream',
      async handle(call) {
        const run = await requireRunInfo(stores.runs, param(call, 'run'));
        const last = call.stream.header('last-event-id') ?? '';
        const after = /^\d{1,15}$/.test(last) ? Number(last) : call.query.after;
        if (open >= eventStreamLimit) throw new DomainError('PRN_RUN_STREAMS_BUSY', { limit: eventStreamLimit });
        open += 1;
        const release = (): void => void (open -= 1);
        return { body: '', events: counted(follow(stores.runs, { run, after }), release) };
      },
    }),
  ];
}

/** Ends with the run: all points first, then its last state. Whoever comes back with the last id misses nothing. */
async function* follow(
  runs: RunStore,
  from: { readonly run: RunInfo; readonly after: number },
): AsyncGenerator<ServerEvent, void, undefined> {
  let { run, after } = from;
  let shownRev = -1;
  for (;;) {
    while (after < run.metricSeq) {
      const points = await runs.points(run.runId, { after, limit: POINTS_OF_ONE_EVENT });
      const last = points.at(-1);
      if (last === undefined) break;
      after = last.seq;
      yield { id: after, event: 'metrics', data: { points: points.map(shown) } };
    }
    if (run.rev !== shownRev) yield { id: after, event: 'run', data: present(run) };
    shownRev = run.rev;
    if (isOver(run.status)) return yield { id: after, event: 'end', data: { status: run.status, cause: run.cause } };
    await sleep(LOOK_EVERY_MS);
    run = await requireRunInfo(runs, run.runId);
  }
}

function shown({ value, ...point }: MetricPoint) {
  return { ...point, value: showMetricValue(value) };
}

/** Calls `release` once: when the events end, or when nobody wants more of them, even before the first. */
function counted(events: AsyncGenerator<ServerEvent>, release: () => void): AsyncIterable<ServerEvent> {
  let isReleased = false;
  const once = (): void => {
    if (!isReleased) release();
    isReleased = true;
  };
  const iterator: AsyncIterator<ServerEvent> = {
    async next() {
      const next = await events.next().catch((error: unknown) => {
        once();
        throw error;
      });
      if (next.done === true) once();
      return next;
    },
    async return() {
      once();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
