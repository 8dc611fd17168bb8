import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { httpCheck } from '../../../cli/supervisor/health.js';
import { freePort } from '../../../cli/supervisor/ports.js';
import { isSameProcess, processIdentity } from '../../../cli/supervisor/process-identity.js';
import { SupervisedProcess, type SupervisionTiming } from '../../../cli/supervisor/supervised-process.js';

const FAST: SupervisionTiming = {
  firstBackoffMs: 20,
  longestBackoffMs: 100,
  startPollMs: 20,
  monitorEveryMs: 30,
  unhealthyLimit: 3,
  stableAfterMs: 60_000,
  startAttempts: 3,
};

/**
 * Answers 200 until its folder holds a file `broken`, and ends at a file `end`, which it removes; writes the pid of a
 * child process; ignores SIGTERM on demand.
 */
const SERVER = `
  const { createServer } = require('node:http');
  const { existsSync, rmSync, writeFileSync } = require('node:fs');
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  writeFileSync('child-pid', String(child.pid));
  if (existsSync('stubborn')) process.on('SIGTERM', () => {});
  createServer((_request, response) => {
    if (existsSync('end')) {
      rmSync('end');
      process.exit(3);
    }
    response.statusCode = existsSync('broken') ? 500 : 200;
    response.end();
  }).listen(Number(process.env.PORT), '127.0.0.1');
`;

describe('a supervised process', () => {
  let folder: string;
  let running: SupervisedProcess;
  let messages: string[];

  const supervise = async (code: string): Promise<SupervisedProcess> => {
    const port = await freePort();
    running = new SupervisedProcess(
      {
        name: 'api',
        command: process.execPath,
        args: ['-e', code],
        env: { ...process.env, PORT: String(port) },
        cwd: folder,
        logPath: join(folder, 'log'),
        address: `127.0.0.1:${port}`,
        healthUrl: null,
        isHealthy: httpCheck(`http://127.0.0.1:${port}/`),
        startTimeoutMs: 10_000,
        stopGraceMs: 500,
      },
      { onChange: (_name, message) => messages.push(message) },
      FAST,
    );
    return running;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-process-'));
    messages = [];
  });

  afterEach(async () => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is started again with growing pauses when it keeps ending', async () => {
    const supervised = await supervise(SERVER);
    await supervised.start();
    for (let life = 1; life <= 3; life += 1) {
      await expect.poll(() => supervised.state.status, { timeout: 10_000 }).toBe('healthy');
      await writeFile(join(folder, 'end'), '');
      await expect.poll(() => supervised.state.restarts, { timeout: 10_000 }).toBe(life);
    }
    await expect.poll(() => supervised.state.status, { timeout: 10_000 }).toBe('healthy');
    // 20 ms doubled for each quick end, at most 100 ms.
    expect(messages.filter((message) => message.includes('ended'))).toEqual([
      'ended with exit code 3; starts again in 0.04 s',
      'ended with exit code 3; starts again in 0.08 s',
      'ended with exit code 3; starts again in 0.1 s',
    ]);
  });

  it('is ended and started again when it runs but does not answer', async () => {
    const supervised = await supervise(SERVER);
    await supervised.start();
    const before = supervised.state.pid;
    await writeFile(join(folder, 'broken'), '');
    await expect.poll(() => supervised.state.status, { timeout: 10_000 }).toBe('unhealthy');
    await expect.poll(() => supervised.state.restarts, { timeout: 10_000 }).toBe(1);
    await rm(join(folder, 'broken'));
    await expect.poll(() => supervised.state.status, { timeout: 10_000 }).toBe('healthy');
    expect(supervised.state.pid).not.toBe(before);
    expect(messages).toContainEqual(expect.stringMatching(/^ended with signal SIGKILL; starts again in/));
  });

  it('takes its own children with it, even when it has to be killed', async () => {
    await writeFile(join(folder, 'stubborn'), '');
    const supervised = await supervise(SERVER);
    await supervised.start();
    const pid = Number(await readFile(join(folder, 'child-pid'), 'utf8'));
    expect(processIdentity(pid)).toBeDefined();
    await supervised.stop();
    await expect.poll(() => processIdentity(pid)).toBeUndefined();
    expect(supervised.state).toMatchObject({ status: 'stopped', pid: null });
  });

  it('fails its start after three tries and tells the last error of its log', async () => {
    const supervised = await supervise("throw new Error('no configuration here');");
    await expect(supervised.start()).rejects.toMatchObject({
      code: 'PRN_PROCESS_NOT_HEALTHY',
      details: { process: 'api', reason: 'it ended with exit code 1 (Error: no configuration here)' },
    });
    expect(messages.map((message) => message.replace(/pid \d+/, 'pid N'))).toEqual([
      'started with pid N',
      'it ended with exit code 1 (Error: no configuration here); tries again',
      'started with pid N',
      'it ended with exit code 1 (Error: no configuration here); tries again',
      'started with pid N',
      'gave up: it ended with exit code 1 (Error: no configuration here)',
    ]);
  });

  it('can be stopped while it is still starting', async () => {
    const supervised = await supervise('setInterval(() => {}, 1000)');
    const started = supervised.start();
    await expect.poll(() => supervised.state.status).toBe('starting');
    const refused = expect(started).rejects.toMatchObject({ details: { reason: 'it was stopped while it started' } });
    await supervised.stop();
    await refused;
    expect(supervised.state.status).toBe('stopped');
  });

  it('is told from a later process with the same pid', async () => {
    const supervised = await supervise(SERVER);
    await supervised.start();
    const { pid, identity } = supervised.state;
    expect(isSameProcess({ pid: pid ?? -1, identity: identity ?? '' })).toBe(true);
    expect(isSameProcess({ pid: process.pid, identity: identity ?? '' })).toBe(false);
  });
});
