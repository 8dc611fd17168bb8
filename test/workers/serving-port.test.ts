import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servingKey } from '../../workers/ports/serving-key.js';
import { createServingPort, type ServingKey } from '../../workers/ports/serving-port.js';

/** A serving process that knows one key, and one version. */
describe('a worker before a serving process that asks for keys', () => {
  let folder: string;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    server = createServer(({ headers, url: path }, response) => {
      const isKnown = headers.authorization === 'Bearer prn_right';
      response.writeHead(isKnown ? (path?.includes('/versions/7/') === true ? 200 : 404) : 401).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const isReady = (version: number, key: ServingKey) => createServingPort(url, key).isReady('e', version);

  it('shows the key that it was given', async () => {
    expect(await isReady(7, servingKey({ key: 'prn_right', file: join(folder, 'nothing') }))).toBe(true);
    expect(await isReady(8, servingKey({ key: 'prn_right' }))).toBe(false);
  });

  it('takes the key from a file as soon as it is there', async () => {
    const file = join(folder, 'admin-key');
    const key = servingKey({ file });
    await expect(isReady(7, key)).rejects.toMatchObject({ code: 'PRN_UNAVAILABLE' });
    await writeFile(file, 'prn_right\n');
    expect(await isReady(7, key)).toBe(true);
  });

  it('says that the key is missing or wrong, rather than that the version is not ready', async () => {
    await expect(isReady(7, servingKey({}))).rejects.toThrow(
      /asks for an API key and the worker has none; set PERENNIAL_/,
    );
    await expect(isReady(7, servingKey({ key: 'prn_old' }))).rejects.toThrow(/refuses the worker's; set PERENNIAL_/);
  });
});
