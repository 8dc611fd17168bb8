import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { materializedTwin } from '../support/feature-twin.js';
import { openSmallWorld, type SmallWorld } from '../support/small-world.js';
import { killNow, temporaryFolder } from '../support/stack.js';

/** Boundaries at which the worker ends as by `kill -9`, each once: one of every kind, inside the transaction included. */
const BOUNDARIES = [
  'commitDatasetVersion.after',
  'commitChunk.after',
  'publishRows.after',
  'trainModel.before',
  'registerVersion.after',
  'promote.before',
  'promote.inside',
  'promote.after',
  'applyStep.after',
];

/** The same for a historical retrieval: what it pinned, one of its parts, and what is left to say in the end. */
const RETRIEVAL_BOUNDARIES = ['planRetrieval.after', 'joinRetrievalView.after', 'completeRetrieval.before'];

describe('a worker killed at every kind of boundary', () => {
  let world: SmallWorld;
  let markers: string;

  beforeAll(async () => {
    markers = await temporaryFolder();
    const failpoints = [...BOUNDARIES, ...RETRIEVAL_BOUNDARIES]
      .map((name) => `${name}@${join(markers, name)}`)
      .join(';');
    world = await openSmallWorld({ env: { PERENNIAL_FAILPOINT: failpoints } });
  });

  afterAll(async () => {
    await world.close();
  });

  it('makes exactly one dataset version, one model version, one promotion, one history entry and one event', async () => {
    await world.prepare({ gates: [{ metric: 'roc_auc', min: 0.55 }] });
    const pipelineId = await world.train('killed');
    const waiting = await world.reach(pipelineId, 'awaiting_approval');
    await world.decide(waiting, { decision: 'approve' });
    expect((await world.reach(pipelineId, 'closed')).outcome).toBe('promoted');
    expect(BOUNDARIES.filter((name) => !existsSync(join(markers, name)))).toEqual([]);

    const client = await MongoClient.connect(world.stack.addresses.mongodbUri);
    try {
      const db = client.db(world.stack.addresses.database);
      const count = (collection: string, filter: object = {}): Promise<number> =>
        db.collection(collection).countDocuments(filter);
      expect({
        datasetVersions: await count('dataset_versions'),
        modelVersions: await count('model_versions'),
        inProduction: await count('model_versions', { stage: 'production' }),
        history: await count('alias_history'),
        promotionsAudited: await count('audit_log', { action: 'champion.changed' }),
        promotionEvents: await count('outbox', { type: 'champion.changed' }),
        registrationEvents: await count('outbox', { type: 'version.registered' }),
      }).toEqual({
        datasetVersions: 1,
        modelVersions: 1,
        inProduction: 1,
        history: 1,
        promotionsAudited: 1,
        promotionEvents: 1,
        registrationEvents: 1,
      });
    } finally {
      await client.close();
    }
    expect(await world.api.get('/v1/audit/verification')).toMatchObject({ valid: true });
  });

  it('gives the historical answer of an undisturbed run, byte for byte', async () => {
    const retrieve = async (retrievalId: string): Promise<unknown> => {
      const spine = { dataset: 'flights' };
      const features = ['origin-traffic', 'destination-traffic'];
      await world.api.post('/v1/features/historical', { retrievalId, spine, features, fullNames: true });
      const ended = await world.api.poll(
        `/v1/features/historical/${retrievalId}`,
        (body) => ((body as { state: string }).state === 'running' ? undefined : body),
        { timeoutMs: 150_000, everyMs: 100 },
      );
      expect(ended).toMatchObject({ state: 'completed', error: null });
      return (ended as { result: unknown }).result;
    };
    const killed = await retrieve('killed');
    expect(RETRIEVAL_BOUNDARIES.filter((name) => !existsSync(join(markers, name)))).toEqual([]);
    expect(killed).toMatchObject({ table: { sha256: expect.any(String) } });
    expect(await retrieve('undisturbed')).toEqual(killed);
  });

  it('leaves the feature rows, in history and online, that an undisturbed run leaves', async () => {
    const views = await materializedTwin(world, 'origin-traffic');
    expect(views.twin.chunks.length).toBeGreaterThan(1);
    expect(views.disturbed).toEqual(views.twin);
  });
});

describe('processes and engines killed under traffic', () => {
  let world: SmallWorld;

  beforeAll(async () => {
    world = await openSmallWorld({ sharedEngines: false });
    await world.prepare({
      gates: [{ metric: 'roc_auc', min: 0.55 }],
      rollout: { canary: [{ weight: 50, for: '1d' }], minRows: 5 },
    });
  });

  afterAll(async () => {
    await world.close();
  });

  const pidOf = (name: string): number => {
    const pid = world.stack.processes().find((process) => process.name === name)?.pid;
    if (pid == null) throw new Error(`${name} is not running`);
    return pid;
  };

  /** Kills a process and waits until the supervisor has it healthy again, with another pid. */
  const killAndRecover = async (name: string): Promise<void> => {
    const before = pidOf(name);
    killNow(before);
    for (let tries = 0; tries < 600; tries += 1) {
      const state = world.stack.processes().find((process) => process.name === name);
      if (state?.status === 'healthy' && state.pid !== before && state.pid !== null) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${name} did not come back`);
  };

  const answersAgain = async (): Promise<number> => {
    for (let tries = 0; tries < 300; tries += 1) {
      const answer = await world.infer(5).catch(() => null);
      if (answer?.status === 200) return answer.status;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('serving does not answer');
  };

  it('completes the first rollout although the worker dies while it trains', async () => {
    const pipelineId = await world.train('first');
    await world.reach(pipelineId, 'training', 'evaluation');
    await killAndRecover('worker');
    const waiting = await world.reach(pipelineId, 'awaiting_approval');
    await world.decide(waiting, { decision: 'approve' });
    expect((await world.reach(pipelineId, 'closed')).outcome).toBe('promoted');
    expect(await answersAgain()).toBe(200);
  });

  it('completes a canary although worker, API, serving, MongoDB and Temporal die on the way', async () => {
    const pipelineId = await world.train('second');
    const waiting = await world.reach(pipelineId, 'awaiting_approval');
    await killAndRecover('temporal');
    await killAndRecover('mongod');
    await world.decide(waiting, { decision: 'approve' });
    await world.api.poll(`/v1/rollouts/${pipelineId}`, (body) =>
      (body as { steps: unknown[] }).steps.length === 1 ? true : undefined,
    );
    await killAndRecover('worker');
    await killAndRecover('api');
    await killAndRecover('serving');
    expect(await answersAgain()).toBe(200);
    for (const date of ['2001-03-02', '2001-03-03', '2001-03-04']) {
      await world.infer(40, { departedTs: (Date.parse(`${date}T00:00:00Z`) - 3 * 3_600_000) * 1_000 });
      await world.observe(`${date}T00:00:00Z`);
      await world.api.poll('/v1/endpoints/flight-delay', (body) =>
        Date.parse((body as { watermark: string }).watermark) >= Date.parse(`${date}T00:00:00Z`) ? true : undefined,
      );
    }
    expect((await world.reach(pipelineId, 'closed')).outcome).toBe('promoted');
    const { items } = (await world.api.get('/v1/models/flight-delay/champions')) as { items: { version: number }[] };
    expect(items.map(({ version }) => version)).toEqual([2, 1]);
    expect(await world.api.get('/v1/audit/verification')).toMatchObject({ valid: true });
  });
});
