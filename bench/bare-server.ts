/** The yardstick: node:http and onnxruntime, no validation, no routing, no log. Run as a process of its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSession } from '../ml/onnx/session.js';
import { benchmarkModel } from './inference-model.js';

interface Body {
  readonly inputs: readonly { readonly name: string; readonly data: readonly number[] }[];
}

const session = await createSession(benchmarkModel());
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { inputs } = JSON.parse(Buffer.concat(chunks).toString()) as Body;
    const feeds: Record<string, Float32Array> = {};
    for (const { name, data } of inputs) if (name !== 'asked_ts') feeds[name] = Float32Array.from(data);
    void session.run(feeds, ['probability']).then(({ probability }) => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          outputs: [{ name: 'probability', data: probability instanceof Float32Array ? [...probability] : [] }],
        }),
      );
    });
  });
});
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
