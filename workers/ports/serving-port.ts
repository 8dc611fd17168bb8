/** The serving process as staging checks see it: plain Open Inference Protocol over HTTP. */
import { z } from 'zod';
import type { ServingPort } from '../../activities/ports.js';
import { DomainError } from '../../domain/errors.js';

const Tensor = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) });
const Metadata = z.object({ inputs: z.array(Tensor), outputs: z.array(Tensor) });
const InferResponse = z.object({
  outputs: z.array(z.object({ name: z.string(), data: z.array(z.union([z.number(), z.string()])) })),
});

const TIMEOUT_MS = 10_000;

/** The key for a serving process that asks for one; null where there is none. Asked anew for each request. */
export type ServingKey = () => Promise<string | null>;

export function createServingPort(baseUrl: string, readKey: ServingKey): ServingPort {
  const request = async (url: string, init: RequestInit = {}): Promise<Response> => send(url, init, await readKey());
  const versionUrl = (endpoint: string, version: number): string =>
    `${baseUrl}/v2/models/${endpoint}/versions/${version}`;
  return {
    async isReady(endpoint, version) {
      const response = await request(`${versionUrl(endpoint, version)}/ready`);
      await response.body?.cancel();
      return response.ok;
    },
    async metadata(endpoint, version) {
      return Metadata.parse(await readJson(await request(versionUrl(endpoint, version))));
    },
    async infer(endpoint, version, { inputs, output }) {
      const body = {
        inputs: inputs.map(({ name, datatype, data }) => ({ name, datatype, shape: [data.length], data })),
        outputs: [{ name: output }],
      };
      const response = await request(`${versionUrl(endpoint, version)}/infer`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      const { outputs } = InferResponse.parse(await readJson(response));
      return outputs.find(({ name }) => name === output)?.data.map(Number) ?? [];
    },
  };
}

/** Throws `PRN_UNAVAILABLE` where nobody answers, or where the key is not taken: a right one may yet be set. */
async function send(url: string, init: RequestInit, key: string | null): Promise<Response> {
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  const what = 'The serving process';
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
    (error: unknown) => {
      throw new DomainError('PRN_UNAVAILABLE', { what, reason: String(error) }, { cause: error });
    },
  );
  if (response.status !== 401 && response.status !== 403) return response;
  await response.body?.cancel();
  const held = key === null ? 'the worker has none' : "it refuses the worker's";
  const reason = `it asks for an API key and ${held}; set PERENNIAL_API_KEY or PERENNIAL_ADMIN_KEY_FILE for the worker`;
  throw new DomainError('PRN_UNAVAILABLE', { what, reason });
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  if (!response.ok)
    throw new DomainError('PRN_UNAVAILABLE', {
      what: 'The serving process',
      reason: `HTTP ${response.status}: ${text.slice(0, 300)}`,
    });
  return JSON.parse(text);
}
