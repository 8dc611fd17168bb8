import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ComputePool, createComputePool } from '../../../workers/compute/pool.js';
import { runJobInActivity } from '../../../workers/compute/run-in-activity.js';

/** The jobs of the fixture thread are not in the product's job map, so their names are passed untyped. */
type FixtureRun = (name: string, input?: unknown) => Promise<unknown>;

describe('a job inside an activity', () => {
  let pool: ComputePool;
  let run: FixtureRun;

  beforeEach(() => {
    pool = createComputePool({
      size: 1,
      environment: {
        artifactFolder: '/a',
        spillFolder: '/s',
        readableFolders: [],
        tableMemoryMb: 64,
        tableThreads: 1,
        boostingThreads: 1,
      },
      threadEntry: new URL('./fixture-thread.mjs', import.meta.url),
      cancelGraceMs: 300,
    });
    run = runJobInActivity(pool, 50) as unknown as FixtureRun;
  });

  afterEach(async () => {
    await pool.close();
  });

  function beatsOf(environment: MockActivityEnvironment): unknown[] {
    const beats: unknown[] = [];
    environment.on('heartbeat', (details: unknown) => beats.push(details));
    return beats;
  }

  it('resumes from the heart-beat of the last attempt, and keeps that beat alive', async () => {
    const environment = new MockActivityEnvironment({ attempt: 2, heartbeatDetails: { iteration: 50 } });
    const beats = beatsOf(environment);
    expect(await environment.run(run, 'resume')).toEqual({ iteration: 50 });
    expect(beats[0]).toEqual({ iteration: 50 });
  });

  it('beats with the latest checkpoint that the job reported', async () => {
    const environment = new MockActivityEnvironment();
    const beats = beatsOf(environment);
    await environment.run(run, 'countAndLinger', { to: 3, lingerMs: 400 });
    expect(beats[0]).toBeUndefined();
    expect(beats.at(-1)).toEqual({ step: 3 });
  });

  it('puts into the log what a job warns of, and no other word', async () => {
    const logged: string[] = [];
    const logger = new DefaultLogger('INFO', ({ level, message }) => logged.push(`${level} ${message}`));
    await new MockActivityEnvironment(undefined, { logger }).run(run, 'warn');
    expect(logged).toEqual(['WARN starting anew']);
  });

  it('cancels the job with the activity, and fails with the reason of the cancellation', async () => {
    const environment = new MockActivityEnvironment();
    const running = environment.run(run, 'wait');
    const failed = expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
    await sleep(500);
    environment.cancel();
    await failed;
  });

  it('stops beating when the job has ended', async () => {
    const environment = new MockActivityEnvironment();
    const beats = beatsOf(environment);
    await expect(environment.run(run, 'refuse')).rejects.toMatchObject({ code: 'PRN_TRAINING_ONE_CLASS' });
    const before = beats.length;
    await sleep(200);
    expect(beats).toHaveLength(before);
  });
});
