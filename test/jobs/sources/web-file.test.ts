import { createHash } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSource } from '../../../activities/jobs/sources/open-source.js';
import type { SourceLimits } from '../../../activities/jobs/sources/contract.js';
import { openSourceBench, type SourceBench } from './source-bench.js';

const CSV = 'ts,delay\n2001-03-01T06:00:00Z,10\n';

describe('sources over HTTP', () => {
  let bench: SourceBench;
  let server: Server;
  let host: string;
  let answer: (response: ServerResponse, path: string) => void;

  beforeEach(async () => {
    bench = await openSourceBench();
    server = createServer((request, response) => answer(response, request.url ?? ''));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await bench.close();
  });

  const open = (sourceUri: string, options: { hosts?: string[]; limits?: SourceLimits } = {}) => {
    const { hosts = [host], limits } = options;
    const request = { sourceUri, format: undefined, sourceFolders: [], sourceHosts: hosts, limits };
    return openSource(request, bench.context);
  };
  const failure = async (opening: Promise<unknown>) => {
    const error = await opening.then(
      () => ({ code: 'opened', message: '', retryable: false }),
      (problem: unknown) => problem as { code: string; message: string; retryable: boolean },
    );
    expect(await bench.copies()).toEqual([]);
    return { code: error.code, message: error.message, retryable: error.retryable };
  };

  it('copies what the server sends and digests it before it is unpacked', async () => {
    const sent = gzipSync(CSV);
    answer = (response) => response.end(sent);
    const source = await open(`http://${host}/exports/flights.csv.gz?day=1`);
    expect(source.sha256).toBe(createHash('sha256').update(sent).digest('hex'));
    expect(await readFile(source.files[0]?.path ?? '', 'utf8')).toBe(CSV);
    await source.remove();
    expect(await bench.copies()).toEqual([]);
  });

  it('follows redirects to the same host and refuses those to another', async () => {
    answer = (response, path) => {
      if (path === '/new.csv') response.end(CSV);
      else if (path === '/old.csv') response.writeHead(302, { location: '/new.csv' }).end();
      else if (path === '/loop.csv') response.writeHead(302, { location: '/loop.csv' }).end();
      else response.writeHead(307, { location: 'https://elsewhere.example/new.csv' }).end();
    };
    expect((await open(`http://${host}/old.csv`)).files).toHaveLength(1);
    for (const { path } of (await open(`http://${host}/old.csv`)).files) expect(await readFile(path, 'utf8')).toBe(CSV);
    const hosts = [host, 'elsewhere.example'];
    await expect(open(`http://${host}/away.csv`, { hosts })).rejects.toMatchObject({
      code: 'PRN_DATASET_SOURCE_HOST',
      details: { problem: 'it redirects to https://elsewhere.example, another host' },
    });
    await expect(open(`http://${host}/loop.csv`)).rejects.toMatchObject({ code: 'PRN_DATASET_SOURCE_HOST' });
  });

  it('asks only listed hosts, encrypted unless they are this machine, and private ones only with their port', async () => {
    answer = (response) => response.end(CSV);
    const problemOf = async (uri: string, hosts: string[]) => {
      const { code, message } = await failure(open(uri, { hosts }));
      return code === 'PRN_DATASET_SOURCE_HOST' ? message.split(': ')[1]?.split('. Hosts')[0] : code;
    };
    expect(await problemOf('https://other.example/a.csv', [host])).toBe('host other.example is not listed');
    expect(await problemOf('https://listed.example:8443/a.csv', ['listed.example'])).toBe(
      'host listed.example:8443 is not listed',
    );
    expect(await problemOf('http://listed.example:80/a.csv', ['listed.example:80'])).toBe('it must be https');
    for (const address of ['127.0.0.1', '10.1.2.3', '169.254.169.254', '[::1]', '[::ffff:10.0.0.1]', '[fd00::1]']) {
      const name = new URL(`https://${address}/`).hostname.replace(/^\[|\]$/g, '');
      expect(await problemOf(`https://${address}/a.csv`, [name])).toMatch(/has a private address/);
    }
    // A name that means this machine is found out when it is looked up.
    expect(await problemOf('https://localhost/a.csv', ['localhost'])).toMatch(/has a private address/);
    expect(await problemOf('https://me:secret@listed.example/a.csv', ['listed.example'])).toBe('it has a password');
  });

  it('stops at the limits of size and time when the answer never ends', async () => {
    answer = (response) => {
      const more = setInterval(() => response.write(Buffer.alloc(65_536, 'a')), 1);
      response.on('close', () => clearInterval(more));
    };
    const small = { maxBytes: 1_000_000, maxSeconds: 60 };
    expect((await failure(open(`http://${host}/a.csv`, { limits: small }))).code).toBe('PRN_DATASET_SOURCE_TOO_LARGE');
    answer = (response) => void response.write('ts,');
    const short = { maxBytes: 1_000_000, maxSeconds: 0.3 };
    expect((await failure(open(`http://${host}/a.csv`, { limits: short }))).code).toBe('PRN_DATASET_SOURCE_ENDLESS');
    answer = () => undefined;
    expect((await failure(open(`http://${host}/a.csv`, { limits: short }))).code).toBe('PRN_DATASET_SOURCE_ENDLESS');
  });

  it('repeats what may pass: a busy server, a refused or a broken connection; and not what is missing', async () => {
    answer = (response) => response.writeHead(503).end();
    expect(await failure(open(`http://${host}/a.csv`))).toMatchObject({
      code: 'PRN_DATASET_SOURCE_UNAVAILABLE',
      retryable: true,
    });
    answer = (response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write(CSV, () => response.destroy());
    };
    expect((await failure(open(`http://${host}/a.csv`))).code).toBe('PRN_DATASET_SOURCE_UNAVAILABLE');
    expect((await failure(open('http://127.0.0.1:1/a.csv', { hosts: ['127.0.0.1:1'] }))).code).toBe(
      'PRN_DATASET_SOURCE_UNAVAILABLE',
    );
    answer = (response) => response.writeHead(404).end();
    expect(await failure(open(`http://${host}/a.csv`))).toMatchObject({
      code: 'PRN_DATASET_SOURCE_MISSING',
      retryable: false,
    });
  });
});
