/** Chapters of a pipeline: follow it to its approval, play the approver, follow the rollout. */
import { setTimeout } from 'node:timers/promises';
import { decideApprovalSignal } from '../../workflows/messages.js';
import { Approvals, Evidence, type Metric, Pipeline, Rollouts, Versions } from './wire.js';
import { ENDPOINT, MODEL, type World } from './world.js';

const PIPELINE_TIMEOUT_MS = 240_000;
const ASK_AGAIN_MS = 100;

/** Waits until the pipeline waits for people, rolls out, or has ended. */
export async function followPipeline(world: World, pipelineId: string): Promise<Pipeline> {
  let shown = '';
  return world.api.poll(
    `/v1/pipelines/${pipelineId}`,
    (body) => {
      const pipeline = Pipeline.parse(body);
      if (pipeline.stage !== shown) {
        shown = pipeline.stage;
        world.show.progress(`pipeline ${pipelineId}: ${shown}`);
      }
      return ['awaiting_approval', 'rollout', 'closed'].includes(pipeline.stage) ? pipeline : undefined;
    },
    { timeoutMs: PIPELINE_TIMEOUT_MS },
  );
}

export async function showEvidence({ api, show }: World, version: number): Promise<void> {
  const evidence = Evidence.parse(await api.get(`/v1/models/${MODEL}/versions/${version}/evidence`));
  const found = Versions.parse(await api.get(`/v1/models/${MODEL}/versions`)).items.find(
    (each) => each.version === version,
  );
  if (found !== undefined) {
    const { metrics, trainRows, holdoutRows } = found;
    show.fact(
      `version ${version}: AUC ${shown(metrics.roc_auc)}, log loss ${shown(metrics.log_loss)}, calibration gap ${shown(metrics.calibration_gap)} on ${holdoutRows} holdout rows (${trainRows} trained)`,
    );
  }
  for (const [name, metrics] of Object.entries(evidence.baselineMetrics))
    show.fact(`baseline ${name}: AUC ${shown(metrics.roc_auc)}, log loss ${shown(metrics.log_loss)}`);
  for (const gate of evidence.gates)
    show.fact(`${gate.verdict === 'failed' || gate.verdict === 'no_evidence' ? '✗' : '✓'} ${gate.explanation}`);
}

/** A metric with its interval. */
function shown({ value, lower, upper }: Metric): string {
  const interval = lower === null || upper === null ? '' : ` [${lower.toFixed(4)}, ${upper.toFixed(4)}]`;
  return `${value.toFixed(4)}${interval}`;
}

/** Sends what a person would: the signal, or nothing when somebody is watching. */
export async function decide(world: World, pipeline: Pipeline): Promise<void> {
  const { show, options, temporal, addresses } = world;
  const { pipelineId, workflowId, version } = pipeline;
  const body = {
    decisionId: `${pipelineId}-approve-1`,
    decision: 'approve' as const,
    reason: 'gates and staging checks look right',
    version: version ?? 0,
    actor: 'demo-approver',
  };
  show.fact(`approval ${pipelineId} is open for version ${version}. Two ways to decide:`);
  show.fact(`  bin/perennial approvals approve ${pipelineId}`);
  show.fact(
    `  Temporal Web UI ${addresses.webUiUrl ?? ''}/namespaces/default/workflows/${encodeURIComponent(workflowId)}: signal decideApproval ${JSON.stringify(body)}`,
  );
  show.fact('  (this policy counts signals without proof of who sent them: allowUnauthenticated, for the demo only)');
  if (options.interactive) {
    show.fact('waiting for you …');
    await world.api.poll(
      `/v1/pipelines/${pipelineId}`,
      (current) => (Pipeline.parse(current).stage === 'awaiting_approval' ? undefined : true),
      { timeoutMs: 24 * 3_600_000, everyMs: 500 },
    );
    return;
  }
  await temporal.workflow.getHandle(workflowId).signal(decideApprovalSignal, body);
  show.fact('the demo plays the approver and sends that signal');
  await world.api.poll(`/v1/pipelines/${pipelineId}`, (current) =>
    Pipeline.parse(current).stage === 'awaiting_approval' ? undefined : true,
  );
}

/** Waits until a pipeline has ended, and says how. */
export async function closePipeline({ api, show }: World, pipelineId: string): Promise<Pipeline> {
  const closed = await api.poll(`/v1/pipelines/${pipelineId}`, (body) => {
    const pipeline = Pipeline.parse(body);
    return pipeline.stage === 'closed' ? pipeline : undefined;
  });
  show.fact(
    `pipeline ${pipelineId}: ${closed.outcome}${closed.reasons.length === 0 ? '' : ` (${closed.reasons.join('; ')})`}`,
  );
  return closed;
}

export async function openRollout({ api }: World) {
  const { items } = Rollouts.parse(await api.get(`/v1/endpoints/${ENDPOINT}/rollouts`));
  return items.find(({ endedTs }) => endedTs === null) ?? null;
}

/**
 * Until the rollout of the pipeline has its routes written, so that traffic after this call runs under them, or the
 * pipeline has ended without one. A moment lies between the approval and the rollout.
 */
export async function waitForFirstStep(world: World, pipelineId: string): Promise<void> {
  const { version } = await followPipeline(world, pipelineId);
  const deadlineMs = Date.now() + PIPELINE_TIMEOUT_MS;
  while (Date.now() < deadlineMs) {
    const { items } = Rollouts.parse(await world.api.get(`/v1/endpoints/${ENDPOINT}/rollouts`));
    if (items.some((each) => each.version === version && each.steps.length > 0)) return;
    if (Pipeline.parse(await world.api.get(`/v1/pipelines/${pipelineId}`)).stage === 'closed') return;
    await setTimeout(ASK_AGAIN_MS);
  }
}

export async function approvalsOf({ api }: World) {
  return Approvals.parse(await api.get(`/v1/approvals?model=${MODEL}`)).items;
}
