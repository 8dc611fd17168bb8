/** Takes control of the endpoint, waiting while another rollout or test holds it. */
import { condition } from '@temporalio/workflow';
import type { RolloutState, RolloutStep } from '../../domain/rollout.js';
import type { RolloutRun } from './rollout-run.js';

export type Control =
  | { readonly status: 'taken'; readonly steps: readonly RolloutStep[] }
  | { readonly status: 'refused'; readonly state: RolloutState; readonly reason: string };

export async function takeControl(run: RolloutRun): Promise<Control> {
  const { input, inbox, workflowId } = run;
  for (;;) {
    const opened = await run.activities.openRollout({ ...input, workflowId });
    if (opened.status === 'stale_evidence')
      return { status: 'refused', state: 'stale_evidence', reason: opened.reason };
    if (opened.status === 'opened') {
      run.controller = opened.controller;
      run.fromVersion = opened.fromVersion;
      run.clock = opened.clock;
      run.steps = opened.steps;
      if (opened.watermark !== null) inbox.watermark = Math.max(inbox.watermark ?? opened.watermark, opened.watermark);
      return { status: 'taken', steps: opened.steps };
    }
    run.show(null, [`the endpoint is controlled by ${opened.holder}`]);
    const aborted = await condition(() => inbox.abort !== null, run.polls.endpointMs, { summary: 'Endpoint is busy' });
    if (aborted) return { status: 'refused', state: 'aborted', reason: inbox.abort?.reason ?? 'aborted' };
  }
}
