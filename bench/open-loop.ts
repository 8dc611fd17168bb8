/**
 * Load at a fixed rate: requests start when they are due, whether or not the ones before were answered, and each is
 * timed from when it was due. A server that stalls is thus charged for every request that came meanwhile.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface OpenLoop {
  readonly url: string;
  readonly requestsPerSecond: number;
  readonly seconds: number;
  /** Body of the nth request. */
  readonly body: (index: number) => string;
}

export interface Latencies {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Share of requests that did not end with 200; they are timed as well. */
  readonly failed: number;
}

const CONNECTIONS = 64;
const NANOS_PER_MS = 1e6;

export async function openLoop({ url, requestsPerSecond, seconds, body }: OpenLoop): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const count = Math.round(requestsPerSecond * seconds);
  const latencies = new Float64Array(count);
  const running: Promise<void>[] = [];
  let failed = 0;
  const nowMs = (): number => Number(process.hrtime.bigint()) / NANOS_PER_MS;
  const startMs = nowMs() + 100;
  for (let index = 0; index < count; index += 1) {
    const dueMs = startMs + (index * 1_000) / requestsPerSecond;
    const text = body(index);
    const waitMs = dueMs - nowMs();
    if (waitMs > 0) await sleep(waitMs);
    running.push(
      post(url, text, agent).then((status) => {
        if (status !== 200) failed += 1;
        latencies[index] = nowMs() - dueMs;
      }),
    );
  }
  await Promise.all(running);
  agent.destroy();
  return { ...quantiles(latencies), failed: failed / count };
}

/** Status of the answer once all of it has come; 0 for none. */
function post(url: string, body: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.on('end', () => resolve(response.statusCode ?? 0)).resume();
    });
    sent.on('error', () => resolve(0));
    sent.end(body);
  });
}

/** Nearest-rank quantiles. */
function quantiles(latencies: Float64Array): Omit<Latencies, 'failed'> {
  const sorted = latencies.toSorted();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return {
    samples: sorted.length,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: at(1),
  };
}
