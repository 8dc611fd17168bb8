/** Server-sent events as they come, across lost connections: the server is told the id of the last one that came. */
import { setTimeout as sleep } from 'node:timers/promises';

const RECONNECT_MS = 1_000;
const GIVE_UP_AFTER = 30;

export interface ReceivedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** Answers a request for events behind an id; throws what cannot be mended by asking again. */
export type OpenStream = (lastEventId: string | null) => Promise<AsyncIterable<Uint8Array>>;

/** Events until `isLast` says so. Throws the last error when the server is away for half a minute. */
export async function* followEvents(
  open: OpenStream,
  isLast: (event: ReceivedEvent) => boolean,
): AsyncGenerator<ReceivedEvent, void, undefined> {
  let lastId: string | null = null;
  let isOpened = false;
  for (let failures = 0; ;) {
    let problem: unknown = new Error('the stream ended before what it tells of');
    try {
      const stream = await open(lastId);
      isOpened = true;
      for await (const event of parseEvents(stream)) {
        failures = 0;
        lastId = event.id;
        yield event;
        if (isLast(event)) return;
      }
    } catch (error) {
      problem = error;
    }
    failures += 1;
    if (!isOpened || failures > GIVE_UP_AFTER) throw problem;
    await sleep(RECONNECT_MS);
  }
}

/** Splits a stream into its events; comments are left out. */
export async function* parseEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ReceivedEvent, void, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map(fieldOf));
      const data = fields.get('data');
      if (data === undefined) continue;
      yield { id: fields.get('id') ?? '', event: fields.get('event') ?? 'message', data: JSON.parse(data) as unknown };
    }
  }
}

function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
