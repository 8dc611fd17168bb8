import { describe, expect, it } from 'vitest';
import { renderEvent } from '../../api/event-stream.js';
import { followEvents, type OpenStream, type ReceivedEvent } from '../../cli/event-stream.js';

/** A server whose connections each give these pieces and then break. */
function serverOf(...connections: readonly (readonly string[] | Error)[]): {
  open: OpenStream;
  asked: (string | null)[];
} {
  const asked: (string | null)[] = [];
  const open: OpenStream = (lastId) => {
    const pieces = connections[asked.length];
    asked.push(lastId);
    if (pieces === undefined || pieces instanceof Error)
      return Promise.reject(pieces ?? new Error('no more connections'));
    return Promise.resolve(streamOf(pieces));
  };
  return { open, asked };
}

async function* streamOf(pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece, 'latin1'));
  throw new Error('the connection was lost');
}

async function eventsOf(open: OpenStream): Promise<ReceivedEvent[]> {
  const events: ReceivedEvent[] = [];
  for await (const event of followEvents(open, ({ event: name }) => name === 'end')) events.push(event);
  return events;
}

describe('events that are followed', () => {
  const event = (id: number, name = 'metrics') => renderEvent({ id, event: name, data: { text: `größe ${id}\n` } });
  const bytes = (text: string) => Buffer.from(text).toString('latin1');

  it('are those that were sent, however the bytes are cut, without the signs of life', async () => {
    const whole = bytes(`${event(1)}: still here\n\n${event(2, 'end')}`);
    for (const cut of [1, 7, 50]) {
      const pieces = Array.from({ length: Math.ceil(whole.length / cut) }, (_value, index) =>
        whole.slice(index * cut, (index + 1) * cut),
      );
      expect(await eventsOf(serverOf(pieces).open)).toEqual([
        { id: '1', event: 'metrics', data: { text: 'größe 1\n' } },
        { id: '2', event: 'end', data: { text: 'größe 2\n' } },
      ]);
    }
  });

  it('go on behind the last one when the connection was lost', async () => {
    const { open, asked } = serverOf([bytes(event(1)), bytes(event(2)).slice(0, 20)], new Error('away'), [
      bytes(event(2, 'end')),
    ]);
    expect((await eventsOf(open)).map(({ id }) => id)).toEqual(['1', '2']);
    expect(asked).toEqual([null, '1', '1']);
  });

  it('are not asked for again when the first answer is a refusal', async () => {
    const { open, asked } = serverOf(new Error('No run x exists.'));
    await expect(eventsOf(open)).rejects.toThrow('No run x exists.');
    expect(asked).toEqual([null]);
  });
});
