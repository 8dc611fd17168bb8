import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '../../cli/client.js';
import { workflowIds } from '../../domain/ids.js';
import { asOfBefore } from '../support/small-flights.js';
import { openSmallWorld, type PipelineView, type SmallWorld } from '../support/small-world.js';
import { recordHistory } from '../support/histories.js';
import { temporaryFolder } from '../support/stack.js';

/** One model's life on real processes; each test goes on where the one before ended. */
describe('the life of a model', () => {
  let world: SmallWorld;
  let first: PipelineView;

  beforeAll(async () => {
    world = await openSmallWorld();
    await world.prepare({
      gates: [{ metric: 'roc_auc', min: 0.55 }],
      rollout: {
        canary: [{ weight: 50, for: '1d' }],
        bake: '1d',
        minRows: 10,
        guardrails: [{ metric: 'error_rate', max: 0.01 }],
      },
    });
  });

  afterAll(async () => {
    await world.close();
  });

  const versions = async (): Promise<{ version: number; stage: string }[]> =>
    (
      (await world.api.get('/v1/models/flight-delay/versions')) as { items: { version: number; stage: string }[] }
    ).items.map(({ version, stage }) => ({ version, stage }));

  const cardOf = async (workflowId: string): Promise<string> => {
    const metadata = await world.temporal.workflow
      .getHandle(workflowId)
      .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
    return metadata.currentDetails ?? '';
  };

  it('quarantines nothing of clean data and commits one version, also when the same source comes twice', async () => {
    await world.api.post('/v1/datasets/flights/ingestions', { source: world.source, ingestionId: 'again' });
    const again = await world.api.poll('/v1/ingestions/again', (body) =>
      (body as { state: string }).state === 'running' ? undefined : (body as { state: string; commitSeq: number }),
    );
    expect(again).toMatchObject({ state: 'unchanged', commitSeq: 1 });
    const { items } = (await world.api.get('/v1/datasets/flights/versions')) as { items: { rows: number }[] };
    expect(items.map(({ rows }) => rows)).toEqual([11_800]);
  });

  it('ignores garbage, a decision about another version and an unexplained rejection while it waits', async () => {
    const pipelineId = await world.train('first', asOfBefore(1));
    first = await world.reach(pipelineId, 'awaiting_approval');
    expect(first.version).toBe(1);
    expect(await versions()).toEqual([{ version: 1, stage: 'staging' }]);
    const handle = world.temporal.workflow.getHandle(first.workflowId);
    await handle.signal('decideApproval', 'nonsense');
    await handle.signal('decideApproval', { decision: 'approve' });
    await world.decide(first, { decision: 'approve', version: 7, decisionId: 'about-seven' });
    await world.decide(first, { decision: 'reject', reason: '', decisionId: 'without-reason' });
    const receipt = await handle.executeUpdate<unknown, [object]>('submitDecision', {
      args: [{ decisionId: 'late-seven', decision: 'approve', reason: '', version: 7, actor: 'tester' }],
    });
    expect(receipt).toEqual({ counted: false, because: 'it is about version 7, not 1', verdict: 'pending' });
    expect((await world.reach(pipelineId, 'awaiting_approval')).outcome).toBe('running');
    const { decisions } = (await world.api.get(`/v1/approvals/${pipelineId}`)) as {
      decisions: { decisionId: string; authenticated: boolean }[];
    };
    expect(decisions.map(({ decisionId }) => decisionId)).toEqual(['about-seven', 'without-reason', 'late-seven']);
    expect(decisions.every(({ authenticated }) => !authenticated)).toBe(true);
  });

  it('shows a card whose signal JSON is accepted exactly as it is printed', async () => {
    const card = await cardOf(first.workflowId);
    expect(card).toContain('**Waiting for** a decision about version 1');
    const json = /```json\n([\s\S]*?)\n```/.exec(card)?.[1] ?? '';
    await world.temporal.workflow.getHandle(first.workflowId).signal('decideApproval', JSON.parse(json));
    const closed = await world.reach(first.pipelineId, 'closed');
    expect(closed.outcome).toBe('promoted');
    expect(await versions()).toEqual([{ version: 1, stage: 'production' }]);
    await recordHistory(world.temporal, first.workflowId, 'trainingPipeline/promoted');
    await recordHistory(world.temporal, workflowIds.rollout(first.pipelineId), 'rollout/direct');
    await recordHistory(world.temporal, workflowIds.ingestDataset('small'), 'ingestDataset/committed');
  });

  it('shows the card of the version as JSON, Markdown and plots', async () => {
    const at = '/v1/models/flight-delay/versions/1';
    const card = (await world.api.get(`${at}/card`)) as { tables: { title: string }[]; plots: object };
    expect(card.tables.map(({ title }) => title)).toEqual(
      expect.arrayContaining(['Training', 'Metrics on the holdout', 'Gates', 'Robustness']),
    );
    const folder = await temporaryFolder();
    const read = async (path: string): Promise<string> => {
      const file = join(folder, 'received');
      await world.api.receive(`${at}/${path}`, file);
      return readFile(file, 'utf8');
    };
    expect(await read('card/markdown')).toContain('# flight-delay, version 1');
    expect(await read('plots/roc')).toMatch(/^<svg /);
    await rm(folder, { recursive: true });
    await expect(world.api.get(`${at}/plots/residuals`)).rejects.toThrow('No plot named residuals exists');
  });

  it('answers predictions and says why it refuses bad ones', async () => {
    const good = await world.infer(3);
    expect(good.status).toBe(200);
    expect(good.body.outputs?.map(({ name, data }) => [name, data.length])).toEqual([
      ['probability', 3],
      ['decision', 3],
      ['prediction_id', 3],
      ['model_version', 3],
    ]);
    const post = async (path: string, body: string): Promise<[number, string | undefined]> => {
      const response = await fetch(`${world.servingUrl}/v2/models/${path}/infer`, { method: 'POST', body });
      return [response.status, ((await response.json()) as { error?: string }).error];
    };
    expect(await post('flight-delai', '{}')).toEqual([
      404,
      'Request for unknown model: endpoint flight-delai does not exist (did you mean "flight-delay"?).',
    ]);
    expect(await post('flight-delay', 'not json')).toEqual([400, expect.stringContaining('it is not JSON')]);
    expect(
      await post('flight-delay', '{"inputs":[{"name":"distanse","datatype":"FP32","shape":[1],"data":[1]}]}'),
    ).toEqual([
      400,
      'Input distanse: the model has no such input (did you mean "distance"?); it needs origin, destination, distance, departed_ts.',
    ]);
    expect(
      await post('flight-delay', '{"inputs":[{"name":"distance","datatype":"FP32","shape":[2],"data":[1]}]}'),
    ).toEqual([400, 'Input distance: shape says 2 values, data has 1.']);
    expect(
      await post('flight-delay', '{"inputs":[{"name":"origin","datatype":"FP32","shape":[1],"data":[1]}]}'),
    ).toEqual([400, 'Input origin: expected datatype BYTES, got "FP32".']);
    expect((await world.infer(1)).status).toBe(200);
  });

  it('supersedes a waiting candidate when a newer one asks', async () => {
    const second = await world.train('second');
    await world.reach(second, 'awaiting_approval');
    const third = await world.train('third');
    await world.reach(third, 'awaiting_approval');
    const superseded = await world.reach(second, 'closed');
    expect(superseded).toMatchObject({ outcome: 'superseded', reasons: ['version 3 is newer and waits for approval'] });
    expect(await versions()).toEqual([
      { version: 3, stage: 'staging' },
      { version: 2, stage: 'archived' },
      { version: 1, stage: 'production' },
    ]);
    await world.api.post(`/v1/approvals/${third}/decisions`, {
      decision: 'reject',
      reason: 'no better than the first',
    });
    const rejected = await world.reach(third, 'closed');
    expect(rejected).toMatchObject({ outcome: 'rejected_by_approver', reasons: ['admin: no better than the first'] });
    await recordHistory(world.temporal, superseded.workflowId, 'trainingPipeline/superseded');
    await recordHistory(world.temporal, rejected.workflowId, 'trainingPipeline/rejected');
  });

  it('moves a challenger through canary and bake by the watermark, and scores both versions on the same rows', async () => {
    const pipelineId = await world.train('fourth');
    const waiting = await world.reach(pipelineId, 'awaiting_approval');
    await world.decide(waiting, { decision: 'approve' });
    const rollout = await world.api.poll(`/v1/rollouts/${pipelineId}`, (body) =>
      (body as { steps: unknown[] }).steps.length === 1 ? (body as { state: string }) : undefined,
    );
    expect(rollout.state).toBe('canary');
    for (const [date, state] of [
      ['2001-03-02', 'canary'],
      ['2001-03-03', 'baking'],
      ['2001-03-04', 'completed'],
    ] as const) {
      const departedTs = (Date.parse(`${date}T00:00:00Z`) - 6 * 3_600_000) * 1_000;
      expect((await world.infer(40, { departedTs })).status).toBe(200);
      await world.observe(`${date}T06:00:00Z`);
      await world.api.poll(
        `/v1/rollouts/${pipelineId}`,
        (body) => ((body as { state: string }).state === state ? true : undefined),
        { timeoutMs: 30_000 },
      );
    }
    expect((await world.reach(pipelineId, 'closed')).outcome).toBe('promoted');
    expect(await versions()).toEqual([
      { version: 4, stage: 'production' },
      { version: 3, stage: 'archived' },
      { version: 2, stage: 'archived' },
      { version: 1, stage: 'archived' },
    ]);
    const champion = (await world.api.get('/v1/models/flight-delay/champion')) as {
      version: number;
      previousVersion: number;
      aliasRevision: number;
    };
    expect(champion).toMatchObject({ version: 4, previousVersion: 1, aliasRevision: 2 });
    await recordHistory(world.temporal, workflowIds.rollout(pipelineId), 'rollout/canary');
  });

  it('restores the champion before on a rollback, and knows who was in production when', async () => {
    const between = new Date().toISOString();
    const { rolloutId } = (await world.api.post('/v1/models/flight-delay/rollbacks', { reason: 'drill' })) as {
      rolloutId: string;
    };
    await world.api.poll(`/v1/rollouts/${rolloutId}`, (body) =>
      (body as { state: string }).state === 'completed' ? true : undefined,
    );
    expect((await versions()).filter(({ stage }) => stage === 'production')).toEqual([
      { version: 1, stage: 'production' },
    ]);
    expect(await world.api.get('/v1/models/flight-delay/champion')).toMatchObject({ version: 1, reason: 'restore' });
    expect(await world.api.get(`/v1/models/flight-delay/champion?at=${between}`)).toMatchObject({ version: 4 });
    await recordHistory(world.temporal, workflowIds.rollout(rolloutId), 'rollout/restore');
  });

  it('frees the training slot of a pipeline that was terminated without a report', async () => {
    await world.api.post('/v1/pauses', { model: 'flight-delay', paused: true, reason: 'drill' });
    const lost = await world.train('lost');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await expect(world.api.get(`/v1/pipelines/${lost}`)).rejects.toThrow(ApiError);
    await world.api.post('/v1/pauses', { model: 'flight-delay', paused: false, reason: 'drill over' });
    // Not while it is queued: its document is written before its workflow starts.
    const running = await world.reach(lost, 'snapshot', 'training_dataset', 'training');
    await world.temporal.workflow.getHandle(running.workflowId).terminate('a test');
    expect(await world.reach(lost, 'closed')).toMatchObject({
      outcome: 'lost',
      reasons: ['the workflow ended without a report'],
    });
    const after = await world.train('after-lost', asOfBefore(2));
    expect((await world.reach(after, 'awaiting_approval')).version).toBe(5);
    await recordHistory(world.temporal, workflowIds.modelLifecycle('flight-delay'), 'modelLifecycle/pause-and-lost');
    await recordHistory(world.temporal, workflowIds.driftWatch('flight-delay'), 'driftWatch/event-clock');
  });

  it('keeps an unbroken audit chain of all of it', async () => {
    expect(await world.api.get('/v1/audit/verification')).toMatchObject({ valid: true });
  });
});
