/** Health of a worker process over HTTP: 200 while every Temporal worker in it runs. */
import { createServer, type Server } from 'node:http';
import type { Worker } from '@temporalio/worker';

export async function serveHealth(port: number, workers: () => readonly Worker[]): Promise<Server> {
  const server = createServer((_request, response) => {
    const states = workers().map((worker) => worker.getState());
    const healthy = states.length > 0 && states.every((state) => state === 'RUNNING');
    response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ healthy, states }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}
