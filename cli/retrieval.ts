/** Historical retrieval by the installation: ask, wait, take the table. */
import { type ApiClient, ApiError, memberOf } from './client.js';
import { apiPath } from './path.js';

const WAIT_MS = 24 * 3_600_000;

export interface RetrievalRequest {
  readonly spine: object;
  readonly timeColumn?: string;
  readonly features?: readonly string[];
  readonly featureService?: object;
  readonly fullNames: boolean;
  readonly knowledge: 'as-known' | 'latest';
}

/** Writes the answer as Parquet to a file and returns the record. Throws what the retrieval failed with. */
export async function retrieveByApi(api: ApiClient, request: RetrievalRequest, file: string): Promise<unknown> {
  const started = await api.post('/v1/features/historical', request);
  const path = apiPath`/v1/features/historical/${String(memberOf(started, 'retrievalId'))}`;
  const ended = await api.poll(path, (body) => (memberOf(body, 'state') === 'running' ? undefined : body), {
    timeoutMs: WAIT_MS,
  });
  if (memberOf(ended, 'state') !== 'completed') {
    const error = memberOf(ended, 'error');
    const code = memberOf(error, 'code');
    throw new ApiError(0, typeof code === 'string' ? code : 'PRN_INTERNAL', String(memberOf(error, 'message')));
  }
  await api.receive(`${path}/table`, file);
  return ended;
}

/** `dataset:NAME`, an address, or a path on the machine of the worker, made absolute by the caller. */
export function remoteSpine(spine: string): object {
  const [, dataset] = /^dataset:(.+)$/.exec(spine) ?? [];
  return dataset === undefined ? { source: spine } : { dataset };
}

/** `NAME`, `NAME/VERSION` or `NAME@ALIAS`. */
export function remoteService(model: string): object {
  const [name = '', version] = model.split('/');
  const [bare = '', alias] = name.split('@');
  return {
    model: bare,
    ...(version !== undefined && { version: Number(version) }),
    ...(alias !== undefined && { alias }),
  };
}
