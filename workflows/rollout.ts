/**
 * Moves an endpoint to a version: shadow → canary steps → bake → finish, or restore. It owns the endpoint's routes while
 * it runs; guardrails stay alive in every wait. A rollout that lost control of the endpoint ends without touching it.
 */
import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { RolloutInput, RolloutResult } from './contracts/rollout.js';
import { failedWith, failureFacts, isCancellation } from './failures.js';
import { takeControl } from './steps/endpoint-control.js';
import { receiveRolloutMessages } from './steps/rollout-inbox.js';
import { openRolloutRun, type RolloutRun } from './steps/rollout-run.js';
import { type StepEnd, watchStep } from './steps/rollout-step.js';

export async function rollout(input: RolloutInput): Promise<RolloutResult> {
  const inbox = receiveRolloutMessages();
  const run = openRolloutRun({ input, workflowId: workflowInfo().workflowId, inbox });
  try {
    const control = await takeControl(run);
    if (control.status === 'refused') return await run.close(control.state, control.reason);
    for (const step of control.steps) {
      const end = await advance(run, step.index);
      if (end.action !== 'proceed') return await giveBack(run, end);
    }
    return await run.close('completed', '');
  } catch (error) {
    if (failedWith(error, 'PRN_ENDPOINT_SUPERSEDED'))
      return await run.close('superseded', 'another workflow took the endpoint over');
    if (failedWith(error, 'PRN_REGISTRY_STALE_EVIDENCE'))
      return await giveBack(run, { action: 'stale', reasons: [failureFacts(error).message] });
    if (isCancellation(error)) {
      return await CancellationScope.nonCancellable(() =>
        giveBack(run, { action: 'abort', reasons: ['the rollout was cancelled'] }),
      );
    }
    throw error;
  }
}

/** Applies one step and watches it until it may go on or must not. */
async function advance(run: RolloutRun, index: number): Promise<StepEnd> {
  const step = run.steps[index];
  if (step === undefined || run.controller === null) return { action: 'abort', reasons: ['the plan lost a step'] };
  const { input, controller, fromVersion } = run;
  run.show(step, ['applying routes']);
  const applied = await run.activities.applyStep({ rollout: input, controller, fromVersion, step });
  if (step.weight === 100) run.promoted = true;
  return watchStep(run, step, applied);
}

/** The way back: routes to the champion, or the champion restored where it had been replaced. */
async function giveBack(run: RolloutRun, end: Exclude<StepEnd, { action: 'proceed' }>): Promise<RolloutResult> {
  const reason = end.reasons.join('; ');
  const state = end.action === 'stale' ? 'stale_evidence' : end.action === 'abort' ? 'aborted' : 'rolled_back';
  const { input, controller, fromVersion, promoted } = run;
  if (controller === null) return run.close(state, reason);
  try {
    await run.activities.restoreRoutes({ rollout: input, controller, fromVersion, promoted, reason });
  } catch (error) {
    if (!failedWith(error, 'PRN_ENDPOINT_SUPERSEDED')) throw error;
    return run.close('superseded', 'another workflow took the endpoint over');
  }
  return run.close(state, reason);
}
