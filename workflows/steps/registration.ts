/** The candidate becomes a version, its features are certified, and serving proves that it answers as training did. */
import { patched } from '@temporalio/workflow';
import type { Candidate } from './candidate.js';
import type { PipelineRun } from './pipeline-run.js';

export async function registerCandidate(run: PipelineRun, candidate: Candidate): Promise<number> {
  const { pipelineId, requestId, trigger, codeRevision, model, requestedBy } = run.input;
  await run.enter('registration');
  const { version } = await run.activities.registerVersion({
    pipelineId,
    requestId,
    trigger,
    ...(codeRevision !== undefined && { codeRevision }),
    model,
    actor: requestedBy,
    snapshot: candidate.snapshot.snapshot,
    dataset: candidate.dataset.dataset,
    trained: candidate.evaluation.trained,
    evaluated: candidate.evaluation.evaluated,
  });
  run.state.version = version;
  return version;
}

export async function runStagingChecks(
  run: PipelineRun,
  { candidate, version }: { candidate: Candidate; version: number },
): Promise<{ readonly outcome: 'passed' | 'failed'; readonly reasons: readonly string[] }> {
  const { model, requestedBy } = run.input;
  await run.enter('staging_checks', { version });
  const { snapshot } = candidate.snapshot;
  if (patched('certify-skew')) await run.activities.certifySkew({ model, version, snapshot, actor: requestedBy });
  await run.activities.stageVersion({ model, version, actor: requestedBy });
  const { outcome, checks } = await run.activities.checkStagedVersion({ model, version });
  run.show({ checks });
  const reasons = checks.filter((check) => !check.passed).map((check) => `${check.name}: ${check.explanation}`);
  return { outcome, reasons };
}
