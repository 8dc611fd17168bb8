/**
 * One attempt to make a better version: snapshot → training dataset → train → evaluate → gate → register → staging
 * checks → approval → rollout → report. Every refusal is an outcome; only what could not be decided fails.
 */
import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { PipelineOutcome } from '../domain/pipeline.js';
import type { TrainingPipelineInput } from './contracts/lifecycle.js';
import { failureFacts, isCancellation } from './failures.js';
import { receiveDecisions } from './steps/approval-inbox.js';
import { awaitApproval } from './steps/approval.js';
import { trainCandidate } from './steps/candidate.js';
import { type PipelineRun, openPipelineRun } from './steps/pipeline-run.js';
import { registerCandidate, runStagingChecks } from './steps/registration.js';
import { rollOut } from './steps/rollout-child.js';

export interface TrainingPipelineResult {
  readonly outcome: PipelineOutcome;
  readonly version: number | null;
  readonly reasons: readonly string[];
}

export async function trainingPipeline(input: TrainingPipelineInput): Promise<TrainingPipelineResult> {
  const run = openPipelineRun(input, workflowInfo().workflowId);
  const inbox = receiveDecisions();
  try {
    const candidate = await trainCandidate(run);
    if (candidate.evaluation.outcome === 'rejected') {
      return await run.close('rejected_by_gates', candidate.evaluation.reasons);
    }
    const version = await registerCandidate(run, candidate);
    await run.releaseSlot();

    const staging = await runStagingChecks(run, { candidate, version });
    if (staging.outcome === 'failed') return await withdraw(run, 'staging_failed', staging.reasons);

    const approval = await awaitApproval({ run, inbox, candidate, version });
    if (approval.outcome !== 'approved') return await withdraw(run, approval.outcome, approval.reasons);

    const rollout = await rollOut(run, { candidate, version });
    if (rollout.outcome === 'stale_evidence') return await withdraw(run, rollout.outcome, rollout.reasons);
    return await run.close(rollout.outcome, rollout.reasons);
  } catch (error) {
    const outcome = isCancellation(error) ? 'cancelled' : 'failed';
    await CancellationScope.nonCancellable(() => run.close(outcome, [failureFacts(error).message]));
    throw error;
  }
}

/** Ends a pipeline whose registered candidate will not be used: the version is archived, the reason kept. */
async function withdraw(
  run: PipelineRun,
  outcome: PipelineOutcome,
  reasons: readonly string[],
): Promise<TrainingPipelineResult> {
  const { version } = run.state;
  if (version !== null) {
    const { model, requestedBy } = run.input;
    await run.activities.archiveCandidate({
      model,
      version,
      actor: requestedBy,
      reason: reasons.join('; ') || outcome,
    });
  }
  return run.close(outcome, reasons);
}
