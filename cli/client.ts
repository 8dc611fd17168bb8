/** A thin HTTP client of the control plane: JSON in, JSON out, refusals as errors that a person can read. */

import { receiveFile } from './receive-file.js';
import { sendFile } from './send-file.js';

export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface ApiClient {
  get(path: string): Promise<unknown>;
  post(path: string, body?: unknown): Promise<unknown>;
  put(path: string, body: unknown): Promise<unknown>;
  /** Sends a file as it lies, in constant memory. */
  send(path: string, file: string): Promise<unknown>;
  /** Reads a body that is no JSON into a file, in constant memory. */
  receive(path: string, file: string): Promise<void>;
  /** The body as it comes, for as long as it does. */
  stream(path: string, headers: Readonly<Record<string, string>>): Promise<AsyncIterable<Uint8Array>>;
  delete(path: string): Promise<unknown>;
  /** Reads a path until `done` says so; 404 counts as "not yet". Throws when the time is over. */
  poll<T>(
    path: string,
    done: (body: unknown) => T | undefined,
    options?: { readonly timeoutMs?: number; readonly everyMs?: number },
  ): Promise<T>;
}

export function createClient({ baseUrl, key }: { readonly baseUrl: string; readonly key: string }): ApiClient {
  const ask = (
    method: string,
    path: string,
    { body, headers: more }: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Response> => {
    const headers = {
      authorization: `Bearer ${key}`,
      ...more,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const init: RequestInit = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    return fetch(`${baseUrl}${path}`, init).catch((error: unknown) => {
      throw silent(baseUrl, error instanceof Error && error.cause instanceof Error ? error.cause : error);
    });
  };
  const send = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await ask(method, path, { body });
    return readAnswer({ baseUrl, status: response.status, text: await response.text() });
  };
  const get = (path: string): Promise<unknown> => send('GET', path);
  const bodyOf = async (path: string, headers = {}): Promise<ReadableStream<Uint8Array>> => {
    const response = await ask('GET', path, { headers });
    if (response.ok && response.body !== null) return response.body;
    readAnswer({ baseUrl, status: response.status, text: await response.text() });
    throw new ApiError(0, 'PRN_UNAVAILABLE', `${path} gave nothing to keep.`);
  };
  return {
    get,
    post: (path, body = {}) => send('POST', path, body),
    put: (path, body) => send('PUT', path, body),
    delete: (path) => send('DELETE', path),
    async send(path, file) {
      const headers = { authorization: `Bearer ${key}` };
      const sent = await sendFile({ url: `${baseUrl}${path}`, headers, file }).catch((error: unknown) => {
        throw error instanceof Error && 'path' in error ? unreadable(file, error) : silent(baseUrl, error);
      });
      return readAnswer({ baseUrl, ...sent });
    },
    receive: async (path, file) => receiveFile(await bodyOf(path), file),
    stream: (path, headers) => bodyOf(path, headers),
    async poll(path, done, { timeoutMs = 120_000, everyMs = 100 } = {}) {
      const deadlineMs = Date.now() + timeoutMs;
      for (;;) {
        const body = await get(path).catch((error: unknown) => {
          if (error instanceof ApiError && error.status === 404) return undefined;
          throw error;
        });
        const result = body === undefined ? undefined : done(body);
        if (result !== undefined) return result;
        if (Date.now() > deadlineMs)
          throw new ApiError(
            0,
            'PRN_UNAVAILABLE',
            `Nothing came of ${path} within ${timeoutMs / 1_000} s; look at the workflow in the Temporal Web UI.`,
          );
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
    },
  };
}

function readAnswer({ baseUrl, status, text }: { baseUrl: string; status: number; text: string }): unknown {
  const answer = text === '' ? null : parseAnswer(text);
  if (status < 200 || status > 299) throw toApiError(status, answer);
  if (answer === NOT_JSON) throw new ApiError(0, 'PRN_UNAVAILABLE', `What answers at ${baseUrl} is not Perennial.`);
  return answer;
}

function silent(baseUrl: string, cause: unknown): ApiError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `Nothing answers at ${baseUrl} (${reason}). Is it running? Try \`perennial status\`.`;
  return new ApiError(0, 'PRN_UNAVAILABLE', message);
}

function unreadable(file: string, cause: Error): ApiError {
  return new ApiError(0, 'PRN_REQUEST_INVALID', `${file} cannot be read: ${cause.message}.`);
}

const NOT_JSON = Symbol('not JSON');

/** A proxy in between may answer with a page. */
function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return NOT_JSON;
  }
}

/** The control plane nests code and message in `error`; serving puts them side by side. */
function toApiError(status: number, answer: unknown): ApiError {
  const error = memberOf(answer, 'error');
  const nested = typeof error === 'object' && error !== null;
  const code = memberOf(nested ? error : answer, 'code');
  const message = nested ? memberOf(error, 'message') : error;
  if (typeof code === 'string' && typeof message === 'string') return new ApiError(status, code, message);
  return new ApiError(status, 'PRN_INTERNAL', `The server answered with HTTP ${status} and no reason.`);
}

/** A member of an answer whose shape is not known yet. */
export function memberOf(body: unknown, member: string): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, member) : undefined;
}
