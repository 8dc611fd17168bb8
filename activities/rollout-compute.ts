/** Judges rollout steps: gathers the logged rows of a step, has them judged, and keeps evidence and verdict. */
import { DomainError } from '../domain/errors.js';
import { MICROS_PER_DAY } from '../domain/time.js';
import type { Stores } from '../store/contracts/index.js';
import type { RolloutComputeActivities } from '../workflows/contracts/rollout.js';
import type { RunJob } from './jobs/index.js';
import { labelsOf } from './labels.js';
import type { Clock } from './ports.js';
import { requireEndpoint } from './rollout.js';

export interface RolloutComputeDependencies {
  readonly stores: Stores;
  readonly runJob: RunJob;
  readonly now: Clock;
}

/**
 * Under the wall clock a step's rows are those logged since it began, but the log is read by event time: so far from
 * the step may callers' event times lie.
 */
const WALL_EVENT_TIME_SLACK = MICROS_PER_DAY;

export function createRolloutComputeActivities({ stores, runJob, now }: RolloutComputeDependencies) {
  const { endpoints, predictions } = stores;

  return {
    async judgeStep({ rolloutId, step, rev, startedAt, now: judgedAt }) {
      const rollout = await endpoints.rollout(rolloutId);
      if (rollout === null) throw new DomainError('PRN_ROLLOUT_NOT_FOUND', { rolloutId });
      const { endpoint, version, fromVersion, spec } = rollout;
      const { clock } = await requireEndpoint(stores, endpoint);
      const slack = clock === 'wall' ? WALL_EVENT_TIME_SLACK : 0;
      const logged = await predictions.buckets({ endpoint, from: startedAt - slack, to: judgedAt + slack });
      const buckets = logged.filter(({ routeRev }) => routeRev === rev);
      // A replay posts labels now for times long past, so under either clock labels count as they were posted.
      const labels = await labelsOf(predictions, buckets, Math.max(now(), judgedAt));
      const rows = {
        rolloutId,
        step: step.index,
        rev,
        version,
        fromVersion,
        clock,
        startedAt,
        now: judgedAt,
        buckets,
        labels,
      };
      const { evidence, verdict } = await runJob('judgeStep', { step, spec, rows });
      await endpoints.saveEvaluation({
        key: `${rolloutId}/${step.index}/${judgedAt}`,
        rolloutId,
        content: { evidence, verdict },
      });
      await endpoints.saveRollout({ ...rollout, judgedAt });
      return { action: verdict.action, reasons: verdict.reasons };
    },
  } satisfies RolloutComputeActivities;
}
