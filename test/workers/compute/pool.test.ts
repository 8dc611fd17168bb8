import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ComputePool, createComputePool } from '../../../workers/compute/pool.js';

const ENVIRONMENT = {
  artifactFolder: '/a',
  spillFolder: '/s',
  readableFolders: [],
  tableMemoryMb: 64,
  tableThreads: 1,
  boostingThreads: 1,
};

/** The jobs of the fixture thread are not in the product's job map, so their names are passed untyped. */
type FixtureRun = (
  name: string,
  input?: unknown,
  options?: { signal?: AbortSignal; onProgress?: (progress: unknown) => void; resumeFrom?: unknown },
) => Promise<unknown>;

describe('compute pool', () => {
  let pool: ComputePool;
  let run: FixtureRun;

  beforeEach(() => {
    pool = createComputePool({
      size: 1,
      environment: ENVIRONMENT,
      threadEntry: new URL('./fixture-thread.mjs', import.meta.url),
      heapMb: 96,
      stalledAfterMs: 6_000,
      cancelGraceMs: 300,
    });
    run = pool.runJob as unknown as FixtureRun;
  });

  afterEach(async () => {
    await pool.close();
  });

  it('hands on progress in order, then the result', async () => {
    const seen: unknown[] = [];
    const result = await run('count', { to: 3 }, { onProgress: (progress) => seen.push(progress) });
    expect(result).toMatchObject({ counted: 3 });
    expect(seen).toEqual([
      { message: 'step 1', checkpoint: { step: 1 } },
      { message: 'step 2', checkpoint: { step: 2 } },
      { message: 'step 3', checkpoint: { step: 3 } },
    ]);
  });

  it('hands a job the checkpoint to resume from, and the thread its environment', async () => {
    expect(await run('resume', {}, { resumeFrom: { iteration: 50 } })).toEqual({ iteration: 50 });
    expect(await run('resume')).toBeNull();
    expect(await run('environment')).toEqual(ENVIRONMENT);
  });

  it('runs more jobs than it has threads, one after the other in the same thread', async () => {
    const results = await Promise.all([1, 2, 3].map((to) => run('count', { to })));
    expect(results).toMatchObject([{ counted: 1 }, { counted: 2 }, { counted: 3 }]);
    expect(new Set(results.map((result) => (result as { threadId: number }).threadId)).size).toBe(1);
  });

  it('rebuilds catalogue errors with code, details and retryability', async () => {
    const refused = run('refuse');
    await expect(refused).rejects.toMatchObject({
      name: 'DomainError',
      code: 'PRN_TRAINING_ONE_CLASS',
      retryable: false,
      message: 'All 12 training rows have the same label; a classifier needs rows of at least two classes.',
    });
  });

  it('keeps message and stack of an unexpected error', async () => {
    const failed = run('fail');
    await expect(failed).rejects.toThrow('undefined is not a function, as they say');
    await expect(failed).rejects.toMatchObject({ stack: expect.stringContaining('fixture-jobs.ts') });
  });

  it('rejects a job whose thread exits as interrupted, and replaces the thread', async () => {
    const lost = run('exit');
    await expect(lost).rejects.toMatchObject({ code: 'PRN_COMPUTE_INTERRUPTED', retryable: true });
    await expect(lost).rejects.toThrow('exit code 7');
    expect(await run('count', { to: 1 })).toMatchObject({ counted: 1 });
  });

  it('survives an error thrown outside the job, and a thread that runs out of memory', async () => {
    await expect(run('crashOutside')).rejects.toThrow('thrown where nobody waits');
    await expect(run('exhaust')).rejects.toMatchObject({ code: 'PRN_COMPUTE_INTERRUPTED' });
    expect(await run('count', { to: 1 })).toMatchObject({ counted: 1 });
  });

  it('ends a job that falls silent, even one that blocks its thread', async () => {
    const stalled = run('spin');
    await expect(stalled).rejects.toMatchObject({ code: 'PRN_COMPUTE_STALLED', retryable: true });
    await expect(stalled).rejects.toThrow('no progress for 6 s');
    expect(await run('count', { to: 1 })).toMatchObject({ counted: 1 });
  });

  it('cancels a job that listens and keeps its thread', async () => {
    const { threadId: before } = (await run('count', { to: 1 })) as { threadId: number };
    const controller = new AbortController();
    const cancelled = run('wait', {}, { signal: controller.signal });
    const reason = new Error('asked to stop');
    controller.abort(reason);
    await expect(cancelled).rejects.toBe(reason);
    expect(await run('count', { to: 1 })).toMatchObject({ threadId: before });
  });

  it('terminates a cancelled job that does not listen within the grace time', async () => {
    const { threadId: before } = (await run('count', { to: 1 })) as { threadId: number };
    const controller = new AbortController();
    const cancelled = run('spin', {}, { signal: controller.signal });
    controller.abort(new Error('asked to stop'));
    await expect(cancelled).rejects.toThrow('asked to stop');
    const { threadId: after } = (await run('count', { to: 1 })) as { threadId: number };
    expect(after).not.toBe(before);
  });

  it('takes a cancelled job out of the queue', async () => {
    const first = new AbortController();
    const running = run('wait', {}, { signal: first.signal });
    const second = new AbortController();
    const waiting = run('count', { to: 1 }, { signal: second.signal });
    await sleep(20);
    second.abort(new Error('no longer wanted'));
    await expect(waiting).rejects.toThrow('no longer wanted');
    first.abort(new Error('done here'));
    await expect(running).rejects.toThrow('done here');
  });

  it('drains: refuses new and waiting jobs, and waits for the running one', async () => {
    const running = run('count', { to: 2 });
    const waiting = run('count', { to: 1 });
    const drained = pool.drain();
    await expect(waiting).rejects.toMatchObject({ code: 'PRN_COMPUTE_INTERRUPTED' });
    await expect(run('count', { to: 1 })).rejects.toThrow('shutting down');
    expect(await running).toMatchObject({ counted: 2 });
    await drained;
  });

  it('rejects the running job when it is closed', async () => {
    const running = run('wait');
    const settled = expect(running).rejects.toMatchObject({ code: 'PRN_COMPUTE_INTERRUPTED' });
    await pool.close();
    await settled;
  });
});
