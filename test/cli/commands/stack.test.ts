import { spawn } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../../cli/supervisor/ports.js';
import { processIdentity } from '../../../cli/supervisor/process-identity.js';
import { StackState, readStackState } from '../../../cli/supervisor/stack-state.js';
import { killNow, temporaryFolder } from '../../support/stack.js';

const PERENNIAL = fileURLToPath(new URL('../../../bin/perennial', import.meta.url));

const Status = StackState.pick({ phase: true, addresses: true, supervisorPid: true }).extend({
  processes: z.array(
    z.object({ name: z.string(), status: z.string(), problem: z.string().nullable(), logPath: z.string() }),
  ),
});

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function perennial(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(PERENNIAL, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('perennial up --detach', () => {
  let dataDir: string;
  let ports: Readonly<Record<'api' | 'serving' | 'temporal' | 'ui' | 'mongo', number>>;
  let up: Outcome;

  const start = async (): Promise<Outcome> =>
    perennial(
      'up',
      '--detach',
      '--data',
      dataDir,
      ...Object.entries(ports).flatMap(([name, port]) => [`--${name}-port`, `${port}`]),
    );

  beforeAll(async () => {
    dataDir = await temporaryFolder();
    const [api, serving, temporal, ui, mongo] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    ports = { api, serving, temporal, ui, mongo };
    up = await start();
    expect(up.code, up.stderr).toBe(0);
  });

  afterAll(async () => {
    await perennial('down', '--data', dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });

  it('returns once everything is healthy and prints the addresses', () => {
    expect(up.stdout).toContain(`http://127.0.0.1:${ports.api}/docs`);
  });

  it('shows every process in `status -o json`, with log files and a key file that only its owner can read', async () => {
    const { code, stdout } = await perennial('status', '--data', dataDir, '-o', 'json');
    expect(code).toBe(0);
    const { phase, processes, addresses } = Status.parse(JSON.parse(stdout));
    expect(phase).toBe('running');
    expect(processes.map(({ name, status, problem }) => [name, status, problem])).toEqual(
      ['mongod', 'temporal', 'worker', 'api', 'serving', 'trainer'].map((name) => [name, 'healthy', null]),
    );
    for (const { logPath } of processes) expect((await stat(logPath)).isFile()).toBe(true);
    const keyFile = addresses?.adminKeyFile ?? '';
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'state.json'))).mode & 0o777).toBe(0o600);
    expect((await readFile(keyFile, 'utf8')).trim()).not.toBe('');
  });

  it('refuses a second stack in the same folder and names the pid', async () => {
    const { supervisorPid } = Status.parse(
      JSON.parse((await perennial('status', '--data', dataDir, '-o', 'json')).stdout),
    );
    const { code, stderr } = await perennial('up', '--data', dataDir);
    expect(code).not.toBe(0);
    expect(stderr).toContain('PRN_DATA_FOLDER_IN_USE');
    expect(stderr).toContain(`pid ${supervisorPid}`);
  });

  it('leaves nothing behind a killed supervisor once `up` or `down` runs again', async () => {
    const before = readStackState(dataDir);
    killNow(before?.supervisorPid);
    expect((await start()).code).toBe(0);
    const pids = before?.processes.map(({ pid }) => pid ?? -1) ?? [];
    expect(pids).toHaveLength(6);
    expect(pids.filter((pid) => processIdentity(pid) !== undefined)).toEqual([]);
  });

  it('stops every process on `down`, and says so when nothing runs', async () => {
    const pids = readStackState(dataDir)?.processes.map(({ pid }) => pid ?? -1) ?? [];
    expect(await perennial('down', '--data', dataDir)).toMatchObject({ code: 0, stdout: 'Perennial is down.\n' });
    expect(pids.filter((pid) => processIdentity(pid) !== undefined)).toEqual([]);

    const { code, stderr } = await perennial('status', '--data', dataDir);
    expect(code).not.toBe(0);
    expect(stderr).toContain('PRN_STACK_NOT_RUNNING');
  });
});
