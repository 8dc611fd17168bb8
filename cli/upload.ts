/** Sends a local file to be ingested. */
import { basename } from 'node:path';
import { type ApiClient, memberOf } from './client.js';
import { apiPath, withQuery } from './path.js';

export interface Sent {
  readonly uploadId: string;
  /** What an ingestion names. */
  readonly source: string;
}

/** Throws `PRN_REQUEST_INVALID` for a file that cannot be read, and what the API answers. */
export async function upload(api: ApiClient, dataset: string, file: string): Promise<Sent> {
  const path = withQuery(apiPath`/v1/datasets/${dataset}/uploads`, { filename: basename(file) });
  const answer = await api.send(path, file);
  return { uploadId: String(memberOf(answer, 'uploadId')), source: String(memberOf(answer, 'source')) };
}
