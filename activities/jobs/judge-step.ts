/** CPU body of a step judgement: evidence from logged rows, then the pure verdict. */
import type { RolloutSpec } from '../../domain/model.js';
import { judgeStep, type RolloutStep, type StepEvidence, type StepVerdict } from '../../domain/rollout.js';
import type { JobContext } from './context.js';
import { gatherStepEvidence, type StepRows } from './step-evidence.js';

export interface JudgeStepInput {
  readonly step: RolloutStep;
  readonly spec: RolloutSpec;
  readonly rows: StepRows;
}

export interface JudgeStepResult {
  readonly evidence: StepEvidence;
  readonly verdict: StepVerdict;
}

/** Judges one step from the rows of its own route revision. Reads nothing, writes nothing. */
export async function judgeRolloutStep(
  { step, spec, rows }: JudgeStepInput,
  { signal }: Pick<JobContext, 'signal'>,
): Promise<JudgeStepResult> {
  signal.throwIfAborted();
  const evidence = gatherStepEvidence(rows);
  const elapsedMicros = rows.now - rows.startedAt;
  return { evidence, verdict: judgeStep({ step, spec, evidence, elapsedMicros }) };
}
