import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../domain/access.js';
import { leaveRecords } from '../support/api-records.js';
import { type ApiWorld, openApiWorld } from '../support/api-world.js';

const MEGABYTE = 2 ** 20;
const LIMIT = 400 * MEGABYTE;
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } };
}

interface Sending {
  readonly content: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;
  readonly filename?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly role?: Role;
  readonly to?: ApiWorld;
}

describe('uploads', () => {
  let world: ApiWorld;

  beforeAll(async () => {
    world = await openApiWorld({ uploadMaxBytes: LIMIT });
    await leaveRecords(world.dependencies.stores);
  });
  afterAll(() => world.close());

  /** As any HTTP client does it; chunked unless a length is given. */
  function send({
    content,
    filename = 'rows.csv',
    headers = {},
    role = 'contributor',
    to = world,
  }: Sending): Promise<Answer> {
    const url = `${to.url}/v1/datasets/flights/uploads?filename=${encodeURIComponent(filename)}`;
    return new Promise((resolve, reject) => {
      const authorization = `Bearer ${to.keys[role]}`;
      const sent = request(url, { method: 'POST', headers: { authorization, ...headers }, agent: false });
      const body = Readable.from(content, { objectMode: false });
      sent.on('error', (error) => (body.destroy(), reject(error)));
      sent.on('response', (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          body.destroy();
          const text = Buffer.concat(parts).toString('utf8');
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] });
          sent.destroy();
        });
      });
      body.pipe(sent);
    });
  }
  const leftovers = (): Promise<string[]> => readdir(join(world.folder, 'scratch')).catch(() => []);

  function* megabytes(count: number): Iterable<Uint8Array> {
    const chunk = Buffer.alloc(MEGABYTE, 'a,b,c\n');
    for (let index = 0; index < count; index += 1) yield chunk;
  }

  it('are kept by their bytes: the same again, however and by whomever, is the same upload', async () => {
    const content = 'ts,delay\n1,2\n';
    const first = await send({ content: [content] });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      dataset: 'flights',
      filename: 'rows.csv',
      uploadedBy: 'contributor',
      file: { sha256: sha256(content), bytes: content.length },
    });
    expect(first.body['source']).toBe(`upload:${String(first.body['uploadId'])}`);
    const again = await send({
      content: ['ts,de', 'lay\n1,2\n'],
      role: 'operator',
      filename: 'other.csv',
      headers: { 'content-length': content.length, 'content-type': 'text/csv' },
    });
    expect(again.body).toMatchObject({
      uploadId: first.body['uploadId'],
      filename: 'rows.csv',
      uploadedBy: 'contributor',
    });
    // Read as another format it is another source.
    expect((await send({ content: [content], filename: 'rows.tsv' })).body['uploadId']).not.toBe(
      first.body['uploadId'],
    );
    const together = await Promise.all(Array.from({ length: 6 }, () => send({ content: ['x,y\n', '1,2\n'] })));
    expect(new Set(together.map(({ status, body }) => `${status} ${String(body['uploadId'])}`)).size).toBe(1);
    expect(await leftovers()).toEqual([]);
    const started = await world.call('post', '/v1/datasets/flights/ingestions', {
      body: { source: first.body['source'] },
    });
    expect([started.status, started.body['sourceUri']]).toEqual([202, first.body['source']]);
    for (const source of ['upload:0123456789abcdef9999', 'upload:../x', 'quarantine:0123/abc']) {
      const { status, body } = await world.call('post', '/v1/datasets/flights/ingestions', { body: { source } });
      expect([source, status, body.error?.code]).toEqual([source, 404, 'PRN_UPLOAD_NOT_FOUND']);
    }
  });

  it('take JSON as a file like any other, and tell by the name what a dataset can read', async () => {
    const json = { 'content-type': 'application/json' };
    expect((await send({ content: ['[{"ts": 1}]'], filename: 'rows.json', headers: json })).status).toBe(201);
    expect((await send({ content: ['{"ts": 1}\n'], filename: 'rows.ndjson.gz' })).status).toBe(201);
    expect((await send({ content: ['x'], filename: 'rows.xlsx' })).body.error?.code).toBe('PRN_DATASET_SOURCE_FORMAT');
    for (const filename of ['../rows.csv', 'a\\b.csv', '..', '', 'a\u0000.csv', `${'a'.repeat(300)}.csv`]) {
      const { status, body } = await send({ content: ['x'], filename });
      expect([filename, status, body.error?.code]).toEqual([filename, 400, 'PRN_REQUEST_INVALID']);
    }
    const form = await send({ content: ['--x'], headers: { 'content-type': 'multipart/form-data; boundary=x' } });
    expect(form.body.error?.message).toContain('send the bytes of the file as the body, not a form');
    const packed = await send({ content: ['x'], headers: { 'content-encoding': 'gzip' } });
    expect(packed.body.error?.message).toContain('content-encoding gzip is not unpacked');
    expect((await send({ content: [] })).body.error?.message).toContain('it has no bytes');
    expect((await send({ content: ['x'], role: 'viewer' })).status).toBe(403);
  });

  it('are compared with the digest that came with them', async () => {
    const content = 'ts\n1\n';
    const hex = sha256(content);
    const base64 = Buffer.from(hex, 'hex').toString('base64');
    for (const headers of [
      { 'x-content-sha256': hex.toUpperCase() },
      { digest: `md5=abc, sha-256=${base64}` },
      { 'content-digest': `sha-256=:${base64}:` },
      { digest: 'md5=abc' },
    ]) {
      expect((await send({ content: [content], headers })).status).toBe(201);
    }
    const wrong = await send({ content: ['ts\n2\n'], headers: { 'x-content-sha256': hex } });
    expect([wrong.status, wrong.body.error?.code]).toEqual([422, 'PRN_UPLOAD_DIGEST']);
    expect((await send({ content: [content], headers: { 'x-content-sha256': 'abc' } })).status).toBe(400);
    expect(await leftovers()).toEqual([]);
    const kept = await world.test.db.collection('uploads').countDocuments({ 'file.sha256': sha256('ts\n2\n') });
    expect(kept).toBe(0);
  });

  it('stream 300 MB through without holding them', async () => {
    let most = 0;
    const before = process.memoryUsage().rss;
    const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
    const { status, body } = await send({ content: megabytes(300), filename: 'large.csv' });
    clearInterval(timer);
    expect([status, (body['file'] as { bytes: number }).bytes]).toEqual([201, 300 * MEGABYTE]);
    expect((most - before) / MEGABYTE).toBeLessThan(150);
  });

  it('end at the limit, declared or not, and leave nothing', async () => {
    const declared = await send({ content: [], headers: { 'content-length': LIMIT + 1 } });
    expect([declared.status, declared.body.error?.code]).toEqual([413, 'PRN_UPLOAD_TOO_LARGE']);
    const streamed = await send({ content: megabytes(402), filename: 'too-large.csv' });
    expect([streamed.status, streamed.body.error?.code]).toEqual([413, 'PRN_UPLOAD_TOO_LARGE']);
    expect(await leftovers()).toEqual([]);
  });

  it('leave nothing when the caller goes away in the middle', async () => {
    async function* broken(): AsyncIterable<string> {
      yield 'ts,delay\n1,2\n';
      while ((await leftovers()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      throw new Error('the cable is out');
    }
    const url = `${world.url}/v1/datasets/flights/uploads?filename=rows.csv`;
    const headers = { authorization: `Bearer ${world.keys.contributor}` };
    await new Promise<void>((resolve) => {
      const sent = request(url, { method: 'POST', headers, agent: false });
      sent.on('error', () => resolve());
      Readable.from(broken())
        .on('error', () => sent.destroy(new Error('gone')))
        .pipe(sent);
    });
    for (let tries = 0; (await leftovers()).length > 0; tries += 1) {
      if (tries > 200) throw new Error(`left: ${(await leftovers()).join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(world.internalErrors).toEqual([]);
  });

  it('say that the disk is full, and leave nothing', async () => {
    const { stores } = world.dependencies;
    const { artifacts } = stores;
    async function* untilFull(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
      let bytes = 0;
      for await (const chunk of stream) {
        bytes += chunk.length;
        if (bytes > 5 * MEGABYTE) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        yield chunk;
      }
    }
    const receive: typeof artifacts.receive = (stream, ...rest) => artifacts.receive(untilFull(stream), ...rest);
    const full = await openApiWorld({ stores: { ...stores, artifacts: { ...artifacts, receive } } });
    try {
      const { status, body } = await send({ content: megabytes(20), to: { ...world, url: full.url } });
      expect([status, body.error?.code]).toEqual([507, 'PRN_STORAGE_FULL']);
      expect(await leftovers()).toEqual([]);
    } finally {
      await full.close();
    }
  });
});
