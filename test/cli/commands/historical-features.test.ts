import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTableEngine } from '../../../store/tables/engine.js';

const PERENNIAL = fileURLToPath(new URL('../../../bin/perennial', import.meta.url));

/** An installation that answers every retrieval with one table. */
let server: Server;
let url: string;
let folder: string;
let table: Buffer;
let received: { line: string; body: string }[];
let states: object[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  const tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: folder });
  const path = join(folder, 'table.parquet');
  await tables.use((session) => session.execute(`copy (select 'ORD' as origin, 0.5::real as late_rate) to '${path}'`));
  await tables.close();
  table = await readFile(path);
  await rm(path);
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ line: `${request.method} ${request.url}`, body });
      if (request.url?.endsWith('/table') === true) return response.end(table);
      const answer = request.method === 'POST' ? { retrievalId: 'r1' } : (states.shift() ?? {});
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  received = [];
  states = [
    { state: 'running' },
    { state: 'completed', retrievalId: 'r1', knowledge: 'as-known', result: { rows: 1 } },
  ];
});

async function historical(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { ...process.env, PERENNIAL_API_URL: url, PERENNIAL_API_KEY: 'prn_test' };
  return new Promise((resolve) => {
    const child = spawn(PERENNIAL, ['features', 'historical', ...args], { cwd: folder, env });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('features historical without resources', () => {
  it('asks the installation, waits, and keeps its table', async () => {
    const { code, stderr } = await historical(
      '--spine=dataset:flights',
      '--model=flight-delay/3',
      '--time=departed_ts',
      '--out=new/out.parquet',
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(received.map(({ line }) => line)).toEqual([
      'POST /v1/features/historical',
      'GET /v1/features/historical/r1',
      'GET /v1/features/historical/r1',
      'GET /v1/features/historical/r1/table',
    ]);
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      spine: { dataset: 'flights' },
      timeColumn: 'departed_ts',
      featureService: { model: 'flight-delay', version: 3 },
      fullNames: false,
      knowledge: 'as-known',
    });
    expect((await readFile(join(folder, 'new/out.parquet'))).equals(table)).toBe(true);
  });

  it('writes other formats as well, makes paths absolute and says that latest knowledge leaks', async () => {
    const { code, stderr } = await historical(
      '--spine=spine.csv',
      '--features=a:b,c',
      '--full-names',
      '--latest-knowledge',
      '--out=out.csv',
    );
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^LEAK: /)]);
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      spine: { source: join(folder, 'spine.csv') },
      features: ['a:b', 'c'],
      fullNames: true,
      knowledge: 'latest',
    });
    expect(await readFile(join(folder, 'out.csv'), 'utf8')).toBe('origin,late_rate\nORD,0.5\n');
    expect((await readdir(folder)).filter((name) => name.includes('.csv.') || name.includes('partial'))).toEqual([]);
  });

  it('fails as the retrieval failed, and writes nothing', async () => {
    states = [{ state: 'failed', error: { code: 'PRN_SPINE_INVALID', message: 'no time' } }];
    const { code, stderr } = await historical('--spine=dataset:flights', '--features=a', '--out=failed.parquet');
    expect([code, stderr]).toEqual([1, 'PRN_SPINE_INVALID\nno time\n']);
    expect(await readdir(folder)).not.toContain('failed.parquet');
  });

  it('says which options go together', async () => {
    const usage = async (...args: readonly string[]): Promise<unknown[]> => {
      const { code, stderr } = await historical('--spine=s.csv', '--out=o.csv', ...args);
      return [code, stderr];
    };
    expect(await usage()).toEqual([2, 'error: Without --resources, say which: --features or --model.\n']);
    expect(await usage('--table=a=b.csv', '--features=a')).toEqual([
      2,
      expect.stringMatching(/^error: --table and --threads go with --resources/),
    ]);
    expect(received).toEqual([]);
  });
});
