/** Server-sent events: an answer that goes on while there is something to tell, and says so when there is not. */
import type { Request, Response } from 'express';
import type { ServerEvent } from './route.js';

/** Proxies take a connection that is silent for a minute or less for dead. */
const HEARTBEAT_MS = 15_000;
/** A reader that takes nothing for so long is gone; it can come back with the id of the last event it had. */
const STUCK_AFTER_MS = 60_000;

/** Sends events until they end, the reader leaves, or he takes no more. Errors of the source end the stream. */
export async function sendEvents(
  { request, response }: { readonly request: Request; readonly response: Response },
  events: AsyncIterable<ServerEvent>,
): Promise<void> {
  // Without a body to come the request is over, and no time limit of bodies is meant for what follows.
  request.resume();
  response
    .status(200)
    .set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    .flushHeaders();
  const heartbeat = setInterval(() => response.write(': still here\n\n'), HEARTBEAT_MS);
  const source = events[Symbol.asyncIterator]();
  // A source that waits for news would not notice.
  response.once('close', () => void source.return?.());
  try {
    for (let next = await source.next(); next.done !== true && !response.destroyed; next = await source.next())
      if (!response.write(renderEvent(next.value)) && !(await drained(response))) break;
    response.end();
  } catch {
    // The status is sent: all that is left is to cut the answer, so that the reader asks again.
    response.destroy();
  } finally {
    clearInterval(heartbeat);
    await source.return?.();
  }
}

/** One event as it is written. Data is JSON, which has no line breaks of its own. */
export function renderEvent({ id, event, data }: ServerEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** False where the reader is gone or stuck. */
function drained(response: Response): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(false), STUCK_AFTER_MS);
    const finish = (isDrained: boolean): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      response.off('close', onClose);
      if (!isDrained) response.destroy();
      resolve(isDrained);
    };
    const onDrain = (): void => finish(true);
    const onClose = (): void => finish(false);
    response.once('drain', onDrain);
    response.once('close', onClose);
    if (response.destroyed) finish(false);
  });
}
