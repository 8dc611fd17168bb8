/** The state of one rollout and what shows it. */
import { proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { EndpointController } from '../../domain/endpoint.js';
import type { RolloutState, RolloutStep } from '../../domain/rollout.js';
import { activityOptions, polls, type Polls } from '../activity-options.js';
import { rolloutCard } from '../cards/rollout.js';
import type { RolloutActivities, RolloutComputeActivities, RolloutInput, RolloutResult } from '../contracts/rollout.js';
import { rolloutStatusQuery } from '../messages.js';
import { setKeywords } from '../search-attributes.js';
import type { RolloutInbox } from './rollout-inbox.js';

export interface RolloutRun {
  readonly input: RolloutInput;
  readonly workflowId: string;
  readonly inbox: RolloutInbox;
  readonly polls: Polls;
  readonly activities: RolloutActivities & RolloutComputeActivities;
  controller: EndpointController | null;
  fromVersion: number | null;
  clock: 'wall' | 'event';
  steps: readonly RolloutStep[];
  /** The version has become the champion; going back means a restore. */
  promoted: boolean;
  show(step: RolloutStep | null, reasons: readonly string[]): void;
  close(state: RolloutState, reason: string): Promise<RolloutResult>;
}

export function openRolloutRun(start: {
  readonly input: RolloutInput;
  readonly workflowId: string;
  readonly inbox: RolloutInbox;
}): RolloutRun {
  const { input, workflowId, inbox } = start;
  let shown: { step: RolloutStep | null; reasons: readonly string[]; state: string } = {
    step: null,
    reasons: [],
    state: 'waiting',
  };
  const activities = rolloutActivities(input);

  const run: RolloutRun = {
    input,
    workflowId,
    inbox,
    polls: polls(input.timing),
    activities,
    controller: null,
    fromVersion: null,
    clock: 'wall',
    steps: [],
    promoted: false,
    show(step, reasons) {
      const state = step?.kind ?? 'waiting';
      if (state !== shown.state) setKeywords({ MlStage: state });
      shown = { step, reasons, state };
      setCurrentDetails(
        rolloutCard({
          input,
          step,
          steps: run.steps,
          fromVersion: run.fromVersion,
          reasons,
          watermark: inbox.watermark,
        }),
      );
    },
    async close(state, reason) {
      shown = { ...shown, state, reasons: reason === '' ? [] : [reason] };
      await activities.closeRollout({ rollout: input, controller: run.controller, state, reason });
      setKeywords({ MlStage: 'closed', MlOutcome: state });
      setCurrentDetails(`### ${input.endpoint}: ${input.model} v${input.version}\n\n**${state}** ${reason}`);
      return { state, reason };
    },
  };
  setHandler(
    rolloutStatusQuery,
    () => ({
      state: shown.state,
      step: shown.step?.index ?? 0,
      weight: shown.step?.weight ?? 0,
      reasons: shown.reasons,
    }),
    { description: 'Step, weight, and why it waits' },
  );
  setKeywords({
    MlModel: input.model,
    MlVersion: String(input.version),
    MlEndpoint: input.endpoint,
    MlStage: 'waiting',
  });
  return run;
}

function rolloutActivities(input: RolloutInput): RolloutActivities & RolloutComputeActivities {
  const options = activityOptions(input.timing);
  const quick = proxyActivities<RolloutActivities>(options.io);
  const waiting = proxyActivities<RolloutActivities>(options.waiting);
  const compute = proxyActivities<RolloutComputeActivities>({
    ...options.compute,
    summary: 'Measure and judge the step',
  });
  return {
    openRollout: quick.openRollout,
    applyStep: waiting.applyStep,
    restoreRoutes: waiting.restoreRoutes,
    closeRollout: quick.closeRollout,
    judgeStep: compute.judgeStep,
  };
}
