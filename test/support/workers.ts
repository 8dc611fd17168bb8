/** Temporal workers in this process, with the workflows bundled once for all files of a test run. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import { TASK_QUEUES } from '../../domain/ids.js';
import { activityInterceptors } from '../../workers/interceptors.js';
import type { TestTemporal } from './temporal.js';

export interface TestWorkers {
  /** Waits until every task that is under way has ended. */
  stop(): Promise<void>;
}

/** Test files run one after the other, so that no two of them make the file. */
async function workflowBundle(): Promise<{ codePath: string }> {
  const codePath = join(inject('runFolder'), 'workflow-bundle.cjs');
  if (!existsSync(codePath)) {
    const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
    const { code } = await bundleWorkflowCode({ workflowsPath });
    await writeFile(codePath, code);
  }
  return { codePath };
}

/** Workers for all workflows and the given activities, with errors mapped as in production. */
export async function startWorkers(
  { nativeConnection: connection }: Pick<TestTemporal, 'nativeConnection'>,
  activities: {
    /** Queue of the workflows. */
    readonly orchestration?: string;
    readonly io: object;
    readonly compute?: object;
    readonly computeSlots?: number;
  },
): Promise<TestWorkers> {
  const { orchestration = TASK_QUEUES.orchestration, io, compute, computeSlots = 100 } = activities;
  const interceptors = { activity: [activityInterceptors({ reach: () => Promise.resolve() })] };
  const common = { connection, namespace: 'default', interceptors, shutdownGraceTime: '1s' } as const;
  const sticky = { stickyQueueScheduleToStartTimeout: '500ms' } as const;
  const workers = await Promise.all([
    Worker.create({ ...common, ...sticky, taskQueue: orchestration, workflowBundle: await workflowBundle() }),
    Worker.create({ ...common, taskQueue: TASK_QUEUES.io, activities: io }),
    ...(compute === undefined
      ? []
      : [
          Worker.create({
            ...common,
            taskQueue: TASK_QUEUES.compute,
            activities: compute,
            maxConcurrentActivityTaskExecutions: computeSlots,
          }),
        ]),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  return {
    async stop() {
      for (const worker of workers) worker.shutdown();
      await running;
    },
  };
}
