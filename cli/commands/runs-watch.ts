/** `runs watch`: the metrics of a run as they come. */
import { memberOf } from '../client.js';
import { connect } from '../connection.js';
import { followEvents, type ReceivedEvent } from '../event-stream.js';
import { isRow } from '../output.js';
import { apiPath } from '../path.js';
import type { CommonOptions } from './command.js';

/** Prints each event: lines for people, JSON lines for programs. */
export async function watchRun(id: string, options: CommonOptions & { readonly after?: number }): Promise<void> {
  const { api } = connect(options.data);
  const path = `${apiPath`/v1/runs/${id}/events`}${options.after === undefined ? '' : `?after=${options.after}`}`;
  const events = followEvents(
    (lastEventId) => api.stream(path, lastEventId === null ? {} : { 'last-event-id': lastEventId }),
    ({ event }) => event === 'end',
  );
  for await (const event of events) {
    if (options.output === 'table') for (const line of linesOf(event)) console.log(line);
    else console.log(JSON.stringify(event));
    if (event.event === 'end' && memberOf(event.data, 'status') !== 'FINISHED') process.exitCode = 1;
  }
}

function linesOf({ event, data }: ReceivedEvent): string[] {
  if (event === 'run') return [`${text(memberOf(data, 'name'))} is ${text(memberOf(data, 'status'))}`];
  if (event === 'end') {
    const cause = memberOf(data, 'cause');
    return [`ended as ${text(memberOf(data, 'status'))}${typeof cause === 'string' ? `: ${cause}` : ''}`];
  }
  const points = memberOf(data, 'points');
  const rows = Array.isArray(points) ? points.filter(isRow) : [];
  return rows.map((point) => `step ${text(point['step'])}  ${text(point['key'])}  ${text(point['value'])}`);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
