/** The inside of a compute thread: takes one job at a time from the pool and answers with progress and an outcome. */
import type { MessagePort } from 'node:worker_threads';
import type { JobContext } from '../../activities/jobs/context.js';
import { type FromThread, toJobFailure, type ToThread } from './messages.js';

/** A job body with its types erased: what arrives from the pool was typed on the other side. */
export type AnyJob = (input: never, context: JobContext) => Promise<unknown>;

/**
 * Serves jobs until the port closes. A `cancel` aborts the signal of the running job; its body is expected to stop at
 * the next check, and the pool ends the thread if it does not.
 */
export function serveJobs(
  port: MessagePort,
  jobs: Readonly<Record<string, AnyJob>>,
  engines: Pick<JobContext, 'tables' | 'artifacts' | 'collections' | 'boosting'>,
): void {
  const running = new Map<number, AbortController>();
  const send = (message: FromThread): void => port.postMessage(message);

  const run = async ({ jobId, name, input, resumeFrom }: Extract<ToThread, { type: 'start' }>): Promise<void> => {
    const controller = new AbortController();
    running.set(jobId, controller);
    try {
      const job = jobs[name];
      if (job === undefined) throw new Error(`this compute thread has no job named ${name}`);
      const result = await job(input as never, {
        ...engines,
        progress: (progress) => send({ type: 'progress', jobId, progress }),
        signal: controller.signal,
        resumeFrom,
      });
      send({ type: 'result', jobId, result });
    } catch (error) {
      send({ type: 'error', jobId, failure: toJobFailure(error) });
    } finally {
      running.delete(jobId);
    }
  };

  port.on('message', (message: ToThread) => {
    if (message.type === 'cancel') running.get(message.jobId)?.abort();
    else void run(message);
  });
}
