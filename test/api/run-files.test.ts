import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { RUN_FILE_LIMITS } from '../../domain/run-files.js';
import { type ApiWorld, FIRST_READING, openApiWorld } from '../support/api-world.js';

const TOKEN = 'the-token-of-this-run';
const DAY = 86_400_000_000;

describe('files of a run over HTTP', () => {
  let api: ApiWorld;
  let input: ArtifactRef;
  let runId = '';
  let runs = 0;

  beforeAll(async () => {
    api = await openApiWorld();
    input = await api.dependencies.stores.artifacts.put(new TextEncoder().encode('rows'), MEDIA_TYPES.parquet);
  });

  afterAll(async () => {
    await api.close();
  });

  const open = (token = TOKEN, untilTs = FIRST_READING + DAY): Promise<void> =>
    api.dependencies.stores.runFiles.open({
      runId,
      tokenDigest: createHash('sha256').update(token).digest('hex'),
      inputs: [input],
      untilTs,
    });

  beforeEach(async () => {
    runId = `run-${(runs += 1)}`;
    await open();
  });

  async function call(
    method: 'GET' | 'PUT',
    file: string,
    options: { token?: string; attempt?: number | null; body?: string; run?: string } = {},
  ): Promise<{ status: number; text: string; code: string | undefined }> {
    const { token = TOKEN, attempt = 1, body, run = runId } = options;
    const response = await fetch(`${api.url}/v1/runs/${run}/files/${file}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(method === 'PUT' && attempt !== null && { 'x-perennial-attempt': String(attempt) }),
      },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const code = response.ok ? undefined : (JSON.parse(text) as { error: { code: string } }).error.code;
    return { status: response.status, text, code };
  }

  it('are read by the token of the run, by digest, and no others', async () => {
    expect(await call('GET', input.sha256)).toMatchObject({ status: 200, text: 'rows' });
    const other = await api.dependencies.stores.artifacts.put(new TextEncoder().encode('secret'), MEDIA_TYPES.json);
    expect(await call('GET', other.sha256)).toMatchObject({ status: 404, code: 'PRN_RUN_FILE_MISSING' });
  });

  it('are closed to keys of people, to tokens of other runs, and once the run or its time is over', async () => {
    const refused = { status: 401, code: 'PRN_RUN_TOKEN_INVALID' };
    expect(await call('GET', input.sha256, { token: api.keys.admin })).toMatchObject(refused);
    expect(await call('GET', input.sha256, { run: 'run-0' })).toMatchObject(refused);
    const first = runId;
    runId = `run-${(runs += 1)}`;
    await open('another-token');
    expect(await call('GET', input.sha256)).toMatchObject(refused);
    expect(await call('GET', input.sha256, { run: first })).toMatchObject({ status: 200 });

    await api.dependencies.stores.runFiles.close(first);
    expect(await call('GET', input.sha256, { run: first })).toMatchObject(refused);
    await open('expired', FIRST_READING);
    expect(await call('GET', input.sha256, { token: 'expired' })).toMatchObject(refused);
  });

  it('open nothing else of the API', async () => {
    expect(
      await api.call('get', '/v1/models', { role: null, headers: { authorization: `Bearer ${TOKEN}` } }),
    ).toMatchObject({
      status: 401,
    });
  });

  it('are left by an attempt, and read again by the next', async () => {
    const put = await call('PUT', 'checkpoint-1.tar', { body: 'half way' });
    expect(put.status).toBe(200);
    const left = JSON.parse(put.text) as ArtifactRef;
    expect(left).toMatchObject({ bytes: 8 });
    expect(await call('GET', left.sha256)).toMatchObject({ status: 200, text: 'half way' });
    expect((await api.dependencies.stores.runFiles.get(runId))?.outputs).toEqual([
      { name: 'checkpoint-1.tar', attempt: 1, file: left },
    ]);
  });

  it('are not written by an attempt that was replaced', async () => {
    expect((await call('PUT', 'model.onnx', { attempt: 2, body: 'new' })).status).toBe(200);
    const stale = await call('PUT', 'model.onnx', { attempt: 1, body: 'old' });
    expect(stale).toMatchObject({ status: 409, code: 'PRN_RUN_STALE_WRITER' });
    expect(stale.text).toContain('held by attempt 2');
    const files = await api.dependencies.stores.runFiles.get(runId);
    expect(files?.outputs.map(({ attempt }) => attempt)).toEqual([2]);
  });

  it('belong to whoever got the newest token, whose attempts are counted anew', async () => {
    expect((await call('PUT', 'state.tar', { attempt: 3, body: 'before the reset' })).status).toBe(200);
    await open('token-after-a-reset');
    expect((await call('PUT', 'state.tar', { token: 'token-after-a-reset', body: 'first' })).status).toBe(200);
    expect(await call('PUT', 'state.tar', { attempt: 4, body: 'late' })).toMatchObject({
      status: 401,
      code: 'PRN_RUN_TOKEN_INVALID',
    });
  });

  it('are no more than a run may have', async () => {
    const { uploadMaxBytes } = api.dependencies;
    const huge = { ...input, sha256: 'e'.repeat(64), bytes: RUN_FILE_LIMITS.uploads * uploadMaxBytes };
    await api.dependencies.stores.runFiles.add(runId, { name: 'state.tar', attempt: 1, file: huge });
    const refused = await call('PUT', 'another.tar', { body: 'one more' });
    expect(refused).toMatchObject({ status: 413, code: 'PRN_RUN_FILES_FULL' });
    expect(refused.text).toContain(`was left 1 files of ${huge.bytes} bytes`);
  });

  it('come with live metrics of the newest attempt while the run lasts, and of no other', async () => {
    const { runs, experiments } = api.dependencies.stores;
    const { experimentId } = await experiments.ensure('flight-delay');
    await runs.create({
      runId,
      experimentId,
      name: null,
      userId: '',
      status: 'RUNNING',
      startTs: FIRST_READING,
      tags: [],
    });
    const report = async (attempt: number, loss: number) => {
      const response = await fetch(`${api.url}/v1/runs/${runId}/reports`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${TOKEN}`,
          'content-type': 'application/json',
          'x-perennial-attempt': String(attempt),
        },
        body: JSON.stringify({ points: [{ step: 1, timestampMs: 5, metrics: { loss } }] }),
      });
      return response.status;
    };
    expect(await report(1, 0.5)).toBe(200);
    expect((await runs.get(runId))?.metrics).toMatchObject([{ key: 'loss', value: 0.5, step: 1, timestampMs: 5 }]);
    expect(await report(2, 0.5)).toBe(200);
    // Attempt 2 reported, but left no file yet.
    expect(await report(1, 0.25)).toBe(409);
    await call('PUT', 'model.onnx', { attempt: 3, body: 'x' });
    expect(await report(2, 0.25)).toBe(409);
    await runs.close(runId, { status: 'KILLED', cause: 'cancelled' });
    expect(await report(3, 0.25)).toBe(200);
    expect(await runs.get(runId)).toMatchObject({ status: 'KILLED', metrics: [{ value: 0.5 }] });
  });

  it('need to say which attempt writes', async () => {
    expect(await call('PUT', 'model.onnx', { attempt: null, body: 'x' })).toMatchObject({
      code: 'PRN_REQUEST_INVALID',
    });
  });
});
