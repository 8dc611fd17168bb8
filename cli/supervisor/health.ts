import { connect } from 'node:net';

/** Resolves when the process can do its work, rejects with the reason why not (yet). */
export type HealthCheck = () => Promise<void>;

const ANSWER_TIMEOUT_MS = 3_000;

/** Healthy when the URL answers 2xx within three seconds. */
export function httpCheck(url: string): HealthCheck {
  return async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${url} answers HTTP ${response.status}`);
  };
}

/** Healthy when a TCP connection to `host:port` opens within three seconds. */
export function tcpCheck(address: string): HealthCheck {
  return async () => {
    const separator = address.lastIndexOf(':');
    const host = address.slice(0, separator);
    const port = Number(address.slice(separator + 1));
    if (separator < 1 || !Number.isInteger(port)) throw new Error(`${address} is not host:port`);
    await openAndClose(host, port);
  };
}

/** A short text for any rejection of a health check. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

async function openAndClose(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: ANSWER_TIMEOUT_MS });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer from ${host}:${port}`)));
    socket.once('error', reject);
  });
}
