/** Jobs of the fixture thread. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import type { JobContext } from '../../../activities/jobs/context.js';
import { DomainError } from '../../../domain/errors.js';
import { serveJobs } from '../../../workers/compute/thread-loop.js';

const jobs = {
  count: async ({ to }: { to: number }, { progress }: JobContext) => {
    for (let step = 1; step <= to; step += 1) progress({ message: `step ${step}`, checkpoint: { step } });
    return { counted: to, threadId };
  },
  countAndLinger: async ({ to, lingerMs }: { to: number; lingerMs: number }, { progress }: JobContext) => {
    for (let step = 1; step <= to; step += 1) progress({ message: `step ${step}`, checkpoint: { step } });
    await sleep(lingerMs);
    return null;
  },
  resume: async (_input: unknown, context: JobContext) => context.resumeFrom ?? null,
  warn: async (_input: unknown, { progress }: JobContext) => {
    progress({ message: 'on we go' });
    progress({ message: 'starting anew', warning: true });
    return null;
  },
  environment: async () => workerData,
  wait: async (_input: unknown, { signal }: JobContext) => {
    await sleep(60_000, undefined, { signal });
    return null;
  },
  spin: async () => {
    const end = Date.now() + 60_000;
    while (Date.now() < end);
    return null;
  },
  exit: async () => process.exit(7),
  crashOutside: async () => {
    setTimeout(() => {
      throw new Error('thrown where nobody waits');
    }, 1);
    await sleep(60_000);
    return null;
  },
  exhaust: async () => {
    const hoard: string[][] = [];
    for (;;) hoard.push(Array.from({ length: 100_000 }, (_value, index) => `row ${index} ${hoard.length}`));
  },
  refuse: async () => {
    throw new DomainError('PRN_TRAINING_ONE_CLASS', { rows: 12, unclonable: () => 1 });
  },
  fail: async () => {
    throw new TypeError('undefined is not a function, as they say');
  },
};

if (parentPort === null) throw new Error('runs as a worker thread only');
serveJobs(parentPort, jobs, {} as Pick<JobContext, 'tables' | 'artifacts'>);
