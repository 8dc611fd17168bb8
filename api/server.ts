/** Listens for the application and closes it in order. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DomainError } from '../domain/errors.js';
import { createApp } from './app.js';
import type { ApiDependencies } from './dependencies.js';

const DRAIN_MS = 5_000;

export interface Api {
  readonly url: string;
  /** Takes no new connections, lets running requests end for five seconds, cuts the rest, then resolves. */
  close(): Promise<void>;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Starts the control plane. Throws `PRN_PORT_IN_USE`. */
export async function startApi(options: ApiDependencies & ListenAddress): Promise<Api> {
  return listen(options, createApp(options));
}

/** Serves a request handler. Throws `PRN_PORT_IN_USE`. */
export async function listen({ host, port }: ListenAddress, handle: RequestListener): Promise<Api> {
  // An upload may take hours; other requests are ended by the application if they do not come in time.
  const limits = { keepAliveTimeout: 65_000, headersTimeout: 70_000, requestTimeout: 0 };
  const server = createServer(limits, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new DomainError('PRN_PORT_IN_USE', { port, process: 'the API', option: '--api-port' })
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    close: () => drain(server),
  };
}

/** A caller who never reads an answer must not keep the process from stopping. */
async function drain(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
}
