/** Watches one step: judged whenever time on the endpoint's clock went on, interrupted by alarms and by people. */
import { condition } from '@temporalio/workflow';
import type { RolloutStep } from '../../domain/rollout.js';
import type { AppliedStep } from '../contracts/rollout.js';
import type { RolloutRun } from './rollout-run.js';

export type StepEnd =
  | { readonly action: 'proceed' }
  | { readonly action: 'rollback' | 'abort' | 'stale'; readonly reasons: readonly string[] };

export async function watchStep(run: RolloutRun, step: RolloutStep, applied: AppliedStep): Promise<StepEnd> {
  const { inbox, input } = run;
  if (step.forMicros === 0 && (step.kind === 'direct' || step.kind === 'bake')) return { action: 'proceed' };
  let judgedAt = applied.startedAt;
  for (;;) {
    const now = await nextMoment(run, step, judgedAt);
    if (inbox.abort !== null) return { action: 'abort', reasons: [`${inbox.abort.actor}: ${inbox.abort.reason}`] };
    if (inbox.breach !== null)
      return { action: 'rollback', reasons: [`${inbox.breach.monitor}: ${inbox.breach.explanation}`] };
    if (now === null) continue;
    judgedAt = now;
    const { rev, startedAt } = applied;
    const judgement = await run.activities.judgeStep({ rolloutId: input.rolloutId, step, rev, startedAt, now });
    run.show(step, judgement.reasons);
    if (judgement.action === 'rollback') return { action: 'rollback', reasons: judgement.reasons };
    const overdue = now - startedAt >= step.forMicros;
    if (judgement.action === 'proceed' || (overdue && inbox.approvedSteps.has(step.index)))
      return { action: 'proceed' };
  }
}

/** The next time to judge on the endpoint's clock, or null when something else woke the wait. */
async function nextMoment(run: RolloutRun, step: RolloutStep, judgedAt: number): Promise<number | null> {
  const { inbox, polls } = run;
  const interrupted = (): boolean => inbox.abort !== null || inbox.breach !== null;
  if (run.clock === 'event') {
    await condition(() => interrupted() || (inbox.watermark !== null && inbox.watermark > judgedAt));
    return interrupted() ? null : inbox.watermark;
  }
  const pauseMs = Math.min(polls.judgeMaxMs, Math.max(polls.judgeMinMs, step.forMicros / 50_000));
  const woken = await condition(interrupted, pauseMs, { summary: `Next judgement of step ${step.index}` });
  return woken ? null : Date.now() * 1_000;
}
