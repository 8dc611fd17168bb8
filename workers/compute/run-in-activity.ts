/** Runs pool jobs from inside an activity: heart-beats, resume point and cancellation are taken from its context. */
import { Context } from '@temporalio/activity';
import type { JobInputs, JobName, RunJob, RunJobOptions } from '../../activities/jobs/index.js';
import type { ComputePool } from './pool.js';

/** Below the shortest heart-beat timeout of the option sets; the SDK thins the beats out by itself. */
const HEARTBEAT_EVERY_MS = 2_000;

/**
 * A {@link RunJob} for activities. The main thread beats with the latest checkpoint the job reported, so a retry on any
 * worker resumes there; it starts from the checkpoint of the last attempt. A job that falls silent is ended by the
 * pool's own watchdog, so these beats cannot keep a hung job alive. Cancellation of the activity cancels the job.
 */
export function runJobInActivity(pool: Pick<ComputePool, 'runJob'>, heartbeatEveryMs = HEARTBEAT_EVERY_MS): RunJob {
  return async <N extends JobName>(name: N, input: JobInputs[N], options: RunJobOptions = {}) => {
    const { info, heartbeat, cancellationSignal, log } = Context.current();
    let checkpoint: unknown = options.resumeFrom ?? info.heartbeatDetails;
    const resumeFrom = checkpoint;
    const beat = (): void => heartbeat(checkpoint);
    beat();
    const timer = setInterval(beat, heartbeatEveryMs);
    try {
      return await pool.runJob(name, input, {
        ...options,
        ...(resumeFrom === undefined ? {} : { resumeFrom }),
        signal:
          options.signal === undefined ? cancellationSignal : AbortSignal.any([options.signal, cancellationSignal]),
        onProgress: (progress) => {
          if (progress.checkpoint !== undefined) checkpoint = progress.checkpoint;
          if (progress.warning === true) log.warn(progress.message, { job: name });
          options.onProgress?.(progress);
        },
      });
    } finally {
      clearInterval(timer);
    }
  };
}
