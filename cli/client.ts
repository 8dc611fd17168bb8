/** A thin HTTP client of the control plane: JSON in, JSON out, refusals as errors that a person can read. */

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
  delete(path: string): Promise<unknown>;
  /** Reads a path until `done` says so; 404 counts as "not yet". Throws when the time is over. */
  poll<T>(
    path: string,
    done: (body: unknown) => T | undefined,
    options?: { readonly timeoutMs?: number; readonly everyMs?: number },
  ): Promise<T>;
}

export function createClient({ baseUrl, key }: { readonly baseUrl: string; readonly key: string }): ApiClient {
  const send = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const init: RequestInit = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(`${baseUrl}${path}`, init).catch((error: unknown) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new ApiError(
        0,
        'PRN_UNAVAILABLE',
        `The API at ${baseUrl} does not answer (${cause}). Is it running? Try \`perennial status\`.`,
      );
    });
    const text = await response.text();
    const answer: unknown = text === '' ? null : JSON.parse(text);
    if (!response.ok) throw toApiError(response.status, answer);
    return answer;
  };
  const get = (path: string): Promise<unknown> => send('GET', path);
  return {
    get,
    post: (path, body = {}) => send('POST', path, body),
    put: (path, body) => send('PUT', path, body),
    delete: (path) => send('DELETE', path),
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

function toApiError(status: number, answer: unknown): ApiError {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined;
  if (typeof error === 'object' && error !== null && 'code' in error && 'message' in error)
    return new ApiError(status, String(error.code), String(error.message));
  return new ApiError(
    status,
    'PRN_INTERNAL',
    `HTTP ${status}: ${typeof error === 'string' ? error : JSON.stringify(answer)}`,
  );
}
