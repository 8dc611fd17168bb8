/** Waits for something of the installation, through connections that come and go, until it is there or time is over. */
import { type ApiClient, ApiError } from '../client.js';

export interface Patience {
  /** Epoch milliseconds at which waiting ends. */
  readonly deadlineMs: number;
  readonly everyMs: number;
  /** So long the installation may be away. */
  readonly awayMs: number;
  /** Aborted when whoever waits was told to stop. */
  readonly signal: AbortSignal;
}

/** Why nobody waits any longer; nothing was decided. */
export class StoppedWaiting extends Error {
  override readonly name = 'StoppedWaiting';
}

/**
 * Reads a path until `done` gives something; 404 is "not yet". Throws {@link StoppedWaiting}, and what the API refuses for
 * good.
 */
export async function follow<T>(
  api: Pick<ApiClient, 'get'>,
  { path, what, patience }: { readonly path: string; readonly what: string; readonly patience: Patience },
  done: (body: unknown) => T | undefined,
): Promise<T> {
  const { deadlineMs, everyMs, awayMs, signal } = patience;
  let reachedMs = Date.now();
  for (;;) {
    if (signal.aborted) throw new StoppedWaiting(`Stopped waiting for ${what}, which goes on.`);
    try {
      const result = done(await api.get(path));
      reachedMs = Date.now();
      if (result !== undefined) return result;
    } catch (error) {
      if (!(error instanceof ApiError) || !mayPass(error)) throw error;
      if (error.status === 404) reachedMs = Date.now();
      if (Date.now() - reachedMs > awayMs) throw new StoppedWaiting(`Lost ${what} from sight: ${error.message}`);
    }
    if (Date.now() > deadlineMs) throw new StoppedWaiting(`Waited long enough for ${what}, which goes on.`);
    await pause(everyMs, signal);
  }
}

/** Not there yet, not reachable, too many requests, or a server that is away. */
function mayPass({ status, code }: ApiError): boolean {
  return status === 404 || status === 429 || status >= 500 || (status === 0 && code === 'PRN_UNAVAILABLE');
}

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, forMs);
    signal.addEventListener('abort', end, { once: true });
  });
}
