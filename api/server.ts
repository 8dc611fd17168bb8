/** Listens for the application and closes it in order. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DomainError } from '../domain/errors.js';
import { createApp } from './app.js';
import type { ApiDependencies } from './dependencies.js';

export interface Api {
  readonly url: string;
  close(): Promise<void>;
}

export async function startApi(
  options: ApiDependencies & { readonly host: string; readonly port: number },
): Promise<Api> {
  const { host, port } = options;
  const server = createServer({ keepAliveTimeout: 65_000, headersTimeout: 70_000 }, createApp(options));
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
