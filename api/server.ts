/** Listens for the application and closes it in order. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DomainError } from '../domain/errors.js';
import { createApp } from './app.js';
import type { ApiDependencies } from './dependencies.js';

export interface Api {
  readonly url: string;
  /** Takes no new connections, lets running requests end, then resolves. */
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
  const server = createServer({ keepAliveTimeout: 65_000, headersTimeout: 70_000 }, handle);
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}
