/** Starts the rollout as a workflow of its own, so that it outlives the pipeline, and waits for its result. */
import { executeChild, ParentClosePolicy, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { workflowIds } from '../../domain/ids.js';
import type { PipelineOutcome } from '../../domain/pipeline.js';
import type { RolloutState } from '../../domain/rollout.js';
import type { RolloutInput } from '../contracts/rollout.js';
import { rollout } from '../rollout.js';
import type { Candidate } from './candidate.js';
import type { PipelineRun } from './pipeline-run.js';

const OUTCOMES: Readonly<Record<RolloutState, PipelineOutcome>> = {
  completed: 'promoted',
  rolled_back: 'rolled_back',
  aborted: 'rolled_back',
  superseded: 'superseded',
  stale_evidence: 'stale_evidence',
  waiting_for_endpoint: 'failed',
  shadow: 'failed',
  canary: 'failed',
  baking: 'failed',
};

export async function rollOut(
  run: PipelineRun,
  { candidate, version }: { readonly candidate: Candidate; readonly version: number },
): Promise<{ readonly outcome: PipelineOutcome; readonly reasons: readonly string[] }> {
  const { pipelineId: rolloutId, model, requestedBy, timing } = run.input;
  const workflowId = workflowIds.rollout(rolloutId);
  await run.enter('rollout', { rolloutId, waitingFor: `the rollout \`${workflowId}\`` });
  const input: RolloutInput = {
    rolloutId,
    requestId: rolloutId,
    model,
    version,
    endpoint: candidate.snapshot.endpoint,
    expectedChampion: candidate.snapshot.championVersion,
    expectedAliasRevision: candidate.snapshot.aliasRevision,
    actor: requestedBy,
    kind: 'rollout',
    timing,
  };
  const result = await executeChild(rollout, {
    workflowId,
    args: [input],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    staticSummary: `Roll out ${model} v${version} on ${input.endpoint}`,
  });
  return { outcome: OUTCOMES[result.state], reasons: result.reason === '' ? [] : [result.reason] };
}
