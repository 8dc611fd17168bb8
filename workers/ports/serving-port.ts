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

export function createServingPort(baseUrl: string): ServingPort {
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
    async infer(endpoint, version, inputs) {
      const body = {
        inputs: inputs.map(({ name, datatype, data }) => ({ name, datatype, shape: [data.length], data })),
        outputs: [{ name: 'probability' }],
      };
      const response = await request(`${versionUrl(endpoint, version)}/infer`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      const { outputs } = InferResponse.parse(await readJson(response));
      return outputs.find(({ name }) => name === 'probability')?.data.map(Number) ?? [];
    },
  };
}

async function request(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw new DomainError('PRN_UNAVAILABLE', { what: 'The serving process', reason: String(error) }, { cause: error });
  }
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
