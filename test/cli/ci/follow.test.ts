import { describe, expect, it } from 'vitest';
import { follow, type Patience, StoppedWaiting } from '../../../cli/ci/follow.js';
import { ApiError } from '../../../cli/client.js';

describe('waiting for an installation', () => {
  const patience = (changes: Partial<Patience> = {}): Patience => ({
    deadlineMs: Date.now() + 5_000,
    everyMs: 1,
    awayMs: 5_000,
    signal: new AbortController().signal,
    ...changes,
  });
  /** Answers one after the other, the last one for ever. */
  const answering = (...answers: readonly unknown[]) => {
    let at = 0;
    return {
      get: (): Promise<unknown> => {
        const answer = answers[Math.min(at, answers.length - 1)];
        at += 1;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    };
  };
  const wait = (api: { get(): Promise<unknown> }, changes: Partial<Patience> = {}): Promise<unknown> =>
    follow(api, { path: '/x', what: 'pipeline p', patience: patience(changes) }, (body) =>
      body === 'there' ? body : undefined,
    );
  const away = new ApiError(0, 'PRN_UNAVAILABLE', 'Nothing answers');

  it('goes through what passes: not there yet, a lost connection, a server that is away', async () => {
    const notYet = new ApiError(404, 'PRN_PIPELINE_NOT_FOUND', '');
    const busy = new ApiError(503, 'PRN_UNAVAILABLE', '');
    expect(await wait(answering(notYet, away, busy, 'still', 'there'))).toBe('there');
  });

  it('ends when the connection stays lost, when time is over, and when it is told to', async () => {
    await expect(wait(answering(away), { awayMs: 20 })).rejects.toThrow(
      new StoppedWaiting('Lost pipeline p from sight: Nothing answers'),
    );
    await expect(wait(answering('still'), { deadlineMs: Date.now() + 20 })).rejects.toThrow(
      new StoppedWaiting('Waited long enough for pipeline p, which goes on.'),
    );
    const stop = new AbortController();
    const waiting = wait(answering('still'), { everyMs: 60_000, signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    await expect(waiting).rejects.toThrow(new StoppedWaiting('Stopped waiting for pipeline p, which goes on.'));
  });

  it('throws at once what is refused for good', async () => {
    const refused = new ApiError(403, 'PRN_AUTH_FORBIDDEN', 'no');
    await expect(wait(answering(refused))).rejects.toBe(refused);
  });
});
